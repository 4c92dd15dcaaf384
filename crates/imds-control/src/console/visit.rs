//! A visit: who comes, in which language, to which region; and what every page may do for him.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use imds_core::language::Language;
use imds_store::record::Caller;
use tokio::sync::Semaphore;

use super::failure::Failure;
use super::shell::{Section, Shell};
use crate::act::{self, Behalf};
use crate::action;
use crate::authz::Identity;
use crate::call::{Call, request_id};
use crate::door::Door;
use crate::query::{Error, Service, Xml};

/// Places for questions that go through the whole store.
static READERS: Semaphore = Semaphore::const_new(2);

/// Who visits, and what he is shown.
#[derive(Clone)]
pub(super) struct Visit {
    /// Where he came to.
    pub(super) door: Door,
    /// Who he is, for IAM.
    pub(super) identity: Identity,
    /// Who he is, for the history.
    pub(super) caller: Arc<Caller>,
    /// The name of his session; without one he sees nothing.
    pub(super) session: Option<String>,
    /// The language of the pages.
    pub(super) language: Language,
    /// The region that lists are of, and that things are made in.
    pub(super) region: String,
    /// The host that he called, as a shell may be given it (`commands::host`).
    pub(super) host: String,
    /// The path, without the query.
    pub(super) path: String,
    /// What forms carry.
    pub(super) seal: String,
    /// Who is signed in; `None` where nobody needs to be.
    pub(super) who: Option<String>,
}

impl Visit {
    /// What is around a page of this part of the console.
    pub(super) fn shell(&self, here: Section) -> Shell {
        Shell::of(self, here)
    }

    /// This visit, to another region.
    pub(super) fn in_region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    /// Asks something of the store as an action does, where waiting for the disk holds up nobody.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Call<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.blocking(move |door, behalf| act::ask(door, behalf, question)).await
    }

    /// Performs an action with these parameters, and waits until guests see what it did. Its answer is told as it is to
    /// an AWS client.
    pub(super) async fn perform(
        &self,
        service: Service,
        name: &'static str,
        params: Vec<(String, String)>,
    ) -> Result<Xml, Failure> {
        let handler = action::find(service, name).ok_or_else(|| Error::invalid_action(name))?;
        let (xml, revision) = self
            .blocking(move |door, behalf| {
                let params = crate::query::Params::of(params)?;
                act::perform(door, behalf, handler, &params, false)
            })
            .await?;
        self.door.plane.reached(revision).await.map_err(Error::from)?;
        Ok(xml)
    }

    /// The same for a question that goes through the whole store. Few are asked at a time: the threads that wait for the disk
    /// are everybody's, and such a question holds one for long.
    pub(super) async fn ask_all<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Call<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let place = READERS.acquire().await.map_err(|_| Error::internal())?;
        self.ask(move |call| {
            // Who has gone away meanwhile does not end the reading.
            let _place = place;
            question(call)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Door, &Behalf<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let visit = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let behalf = Behalf {
                region: &visit.region,
                caller: &visit.caller,
                identity: &visit.identity,
                request_id: &request_id(),
            };
            work(&visit.door, &behalf)
        });
        let done = done.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a page of the console failed");
            Err(Error::internal())
        });
        done.map_err(Failure::from)
    }
}

impl FromRequestParts<Door> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Door) -> Result<Self, Failure> {
        // Every page is behind the one who receives.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::internal().into())
    }
}

/// Goes on to a page, after something was done.
pub(super) fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::mpsc;

    use super::*;

    fn visit() -> Visit {
        Visit {
            door: crate::testing::door(),
            identity: Identity::Root,
            caller: Arc::new(Caller { access_key: None, address: "127.0.0.1".to_owned() }),
            session: None,
            language: Language::En,
            region: "us-east-1".to_owned(),
            host: String::new(),
            path: String::new(),
            seal: String::new(),
            who: None,
        }
    }

    #[tokio::test]
    async fn few_go_through_the_whole_store_at_a_time_and_nobody_else_waits_for_them() {
        let (visit, inside) = (visit(), Arc::new(AtomicUsize::new(0)));
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let (ends, readers): (Vec<_>, Vec<_>) = (0..8)
            .map(|_| {
                let (end, ended) = mpsc::channel::<()>();
                let (visit, inside, begun) = (visit.clone(), Arc::clone(&inside), begun.clone());
                let reader = tokio::spawn(async move {
                    let read = visit.ask_all(move |_| {
                        let count = inside.fetch_add(1, SeqCst) + 1;
                        let _ = begun.send(());
                        let _ = ended.recv();
                        inside.fetch_sub(1, SeqCst);
                        Ok(count)
                    });
                    read.await.unwrap()
                });
                (end, reader)
            })
            .unzip();
        // Two have begun; who asks for one thing is answered.
        for _ in 0..2 {
            begins.recv().await.unwrap();
        }
        assert_eq!(visit.ask(|_| Ok(7)).await.unwrap(), 7);
        assert_eq!(inside.load(SeqCst), 2);
        // One who has gone away still reads, and has the place until that is done.
        readers[0].abort();
        assert_eq!(visit.ask(|_| Ok(8)).await.unwrap(), 8);
        assert_eq!(inside.load(SeqCst), 2);
        drop(ends);
        for (number, reader) in readers.into_iter().enumerate().skip(1) {
            assert!(reader.await.unwrap() <= 2, "{number}");
        }
    }
}
