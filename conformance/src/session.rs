//! One run against one endpoint: what was found out about it, and the ways to ask it something.

use crate::crawl::{self, Tree};
use crate::http::{Answer, Connection, End, Endpoint, Lost, Request};
use crate::outcome::{Outcome, Stop};
use crate::waits::Waits;
use clap::ValueEnum;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How long a connection that was to be closed at once may take to close.
const CLOSING: Duration = Duration::from_secs(1);

/// What error bodies the endpoint is set to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorPages {
    /// The XHTML page for every 4xx.
    Xhtml,
    /// Nothing, but for 404.
    Empty,
}

/// Whether a GET without a token is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// `HttpTokens=optional`: IMDSv1 is served.
    Optional,
    /// `HttpTokens=required`: it is answered 401.
    Required,
}

impl Tokens {
    /// The option's value.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

/// The endpoint under test.
pub(crate) struct Session {
    /// Its URL's authority.
    pub(crate) endpoint: Endpoint,
    /// What the command line says of its error bodies.
    pub(crate) error_pages: ErrorPages,
    /// What a GET without a token showed.
    pub(crate) tokens: Tokens,
    address: SocketAddr,
    token: OnceCell<Result<String, Stop>>,
    trees: RefCell<BTreeMap<String, Result<Rc<Tree>, Stop>>>,
    waits: OnceCell<Waits>,
}

impl Session {
    /// Finds the endpoint and whether it requires tokens.
    ///
    /// # Errors
    /// One sentence: it cannot be reached, is disabled, or does not answer as a metadata service does.
    pub(crate) fn start(endpoint: Endpoint, error_pages: ErrorPages) -> Result<Self, String> {
        let address = endpoint.address()?;
        let here = format!("http://{}", endpoint.authority);
        let request = Request::get("/latest/meta-data/instance-id");
        let mut connection = Connection::open(address)
            .map_err(|error| format!("{here} cannot be reached: {error}; is the service running there?"))?;
        connection.send(&request.bytes(&endpoint.authority));
        let answer = connection.answer(&request).map_err(|lost| {
            format!("{here} accepts connections but gives no HTTP answer to {}: {lost}", request.label())
        })?;
        let tokens = match answer.status {
            200 => Tokens::Optional,
            401 => Tokens::Required,
            403 => {
                return Err(format!(
                    "{here} answers 403: its metadata endpoint is disabled (HttpEndpoint=disabled); enable it and run again"
                ));
            }
            404 => {
                return Err(format!(
                    "{here} answers 404 to {}: it knows no instance for this client",
                    request.label()
                ));
            }
            other => {
                return Err(format!(
                    "{here} answers {other} to {}, where a metadata service answers 200 or 401",
                    request.label()
                ));
            }
        };
        Ok(Self {
            endpoint,
            error_pages,
            tokens,
            address,
            token: OnceCell::new(),
            trees: RefCell::default(),
            waits: OnceCell::new(),
        })
    }

    /// A fresh connection.
    pub(crate) fn open(&self) -> Result<Connection, Stop> {
        Connection::open(self.address).map_err(|error| Stop::Fail(format!("no connection: {error}")))
    }

    /// One request on a connection that is there already.
    pub(crate) fn ask_on(&self, connection: &mut Connection, request: &Request) -> Result<Answer, Stop> {
        connection.send(&request.bytes(&self.endpoint.authority));
        connection.answer(request).map_err(|lost| lost_to(request, &lost))
    }

    /// One request on a fresh connection.
    pub(crate) fn ask(&self, request: &Request) -> Result<Answer, Stop> {
        self.ask_on(&mut self.open()?, request)
    }

    /// One request on a fresh connection, and how that connection ended.
    pub(crate) fn ask_to_end(&self, request: &Request) -> Result<(Answer, End), Stop> {
        let mut connection = self.open()?;
        let answer = self.ask_on(&mut connection, request)?;
        Ok((answer, connection.end(CLOSING)))
    }

    /// One request to which no answer is an answer too.
    pub(crate) fn try_ask(&self, request: &Request) -> Result<(Result<Answer, Lost>, End), Stop> {
        let mut connection = self.open()?;
        connection.send(&request.bytes(&self.endpoint.authority));
        let answer = connection.answer(request);
        Ok((answer, connection.end(CLOSING)))
    }

    /// A new token with this life.
    pub(crate) fn issue(&self, seconds: u32) -> Result<String, Stop> {
        let answer = self.ask(&Request::put_token().ttl(&seconds.to_string()))?;
        if answer.status == 200 && answer.body.is_ascii() && !answer.body.is_empty() {
            Ok(answer.text().trim_end().to_owned())
        } else {
            Err(Stop::Fail(format!("no token: {} was answered {}", answer.request, answer.shown())))
        }
    }

    /// The run's own token, good for six hours.
    pub(crate) fn token(&self) -> Result<&str, Stop> {
        self.token.get_or_init(|| self.issue(21_600)).as_deref().map_err(Clone::clone)
    }

    /// A GET with the run's token.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, Stop> {
        self.ask(&Request::get(path).token(self.token()?))
    }

    /// Everything that is listed under `/latest`, crawled once.
    pub(crate) fn latest(&self) -> Result<Rc<Tree>, Stop> {
        self.tree("latest")
    }

    /// Everything that is listed under a version, crawled once.
    pub(crate) fn tree(&self, version: &str) -> Result<Rc<Tree>, Stop> {
        if let Some(tree) = self.trees.borrow().get(version) {
            return tree.clone();
        }
        let tree = crawl::crawl(self, version).map(Rc::new);
        self.trees.borrow_mut().insert(version.to_owned(), tree.clone());
        tree
    }

    /// What slow connections come to, tried once and all at the same time.
    pub(crate) fn waits(&self) -> Result<&Waits, Stop> {
        if self.waits.get().is_none() {
            let tried = Waits::try_all(self.address, &self.endpoint.authority)?;
            return Ok(self.waits.get_or_init(|| tried));
        }
        self.waits.get().ok_or_else(|| Stop::Fail("the waits were not tried".into()))
    }

    /// Goes on only where a GET without a token is refused.
    pub(crate) fn only_required(&self) -> Outcome {
        match self.tokens {
            Tokens::Required => Ok(()),
            Tokens::Optional => Err(Stop::NotInThisMode("shows only while tokens are required")),
        }
    }

    /// Goes on only where a GET without a token is served.
    pub(crate) fn only_optional(&self) -> Outcome {
        match self.tokens {
            Tokens::Optional => Ok(()),
            Tokens::Required => Err(Stop::NotInThisMode("shows only while tokens are optional")),
        }
    }
}

/// The failure when `request` got no answer.
pub(crate) fn lost_to(request: &Request, lost: &Lost) -> Stop {
    Stop::Fail(format!("{}: {lost}", request.label()))
}
