//! The actions of Elastic Beanstalk.

pub(crate) mod list_available_solution_stacks;
