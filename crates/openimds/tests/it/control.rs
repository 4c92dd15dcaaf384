//! The control API of a running service, from outside: what is asked at the door is what guests get.

mod cli;
