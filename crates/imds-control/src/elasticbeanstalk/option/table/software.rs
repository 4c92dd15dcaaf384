//! Options of the application and of what runs it.

use super::super::spec::{Balancer, Spec, Values, flag, list, number, option, word};

const PROCESS: &str = "aws:elasticbeanstalk:environment:process:default";
const PROCESSES: &str = "aws:elasticbeanstalk:environment:process:*";
const PROXY: &str = "aws:elasticbeanstalk:environment:proxy";
const PYTHON: &str = "aws:elasticbeanstalk:container:python";
const TOMCAT: &str = "aws:elasticbeanstalk:container:tomcat:jvmoptions";
const PHP: &str = "aws:elasticbeanstalk:container:php:phpini";

/// What an application reads from its environment: names and values are anything.
pub(in super::super) const ENVIRONMENT: &str = "aws:elasticbeanstalk:application:environment";

pub(super) const OPTIONS: &[Spec] = &[
    option("aws:elasticbeanstalk:application", "Application Healthcheck URL"),
    option(ENVIRONMENT, "*").restarts(),
    option("aws:elasticbeanstalk:application:environmentsecrets", "*").restarts(),
    flag("aws:elasticbeanstalk:xray", "XRayEnabled").is("false"),
    word(PROXY, "ProxyServer", &["nginx", "apache"]).is("nginx").restarts().not_on(&["Docker"]),
    word(PROXY, "ProxyServer", &["nginx", "none"]).is("nginx").restarts().on(&["Docker"]),
    option("aws:elasticbeanstalk:environment:proxy:staticfiles", "*").restarts().not_on(&["Docker"]),
    number(PYTHON, "NumProcesses", 1, 1_000).is("1").restarts().on(&["Python"]),
    number(PYTHON, "NumThreads", 1, 10_000).is("15").restarts().on(&["Python"]),
    option(PYTHON, "WSGIPath").is("application").restarts().on(&["Python"]),
    option(TOMCAT, "JVM Options").restarts().on(&["Tomcat"]),
    option(TOMCAT, "XX:MaxPermSize").is("64m").restarts().on(&["Tomcat"]),
    option(TOMCAT, "Xms").is("256m").restarts().on(&["Tomcat"]),
    option(TOMCAT, "Xmx").is("256m").restarts().on(&["Tomcat"]),
    word(PHP, "allow_url_fopen", &["On", "Off"]).is("On").restarts().on(&["PHP"]),
    option(PHP, "composer_options").restarts().on(&["PHP"]),
    word(PHP, "display_errors", &["On", "Off"]).is("Off").restarts().on(&["PHP"]),
    option(PHP, "document_root").is("/").restarts().on(&["PHP"]),
    number(PHP, "max_execution_time", 0, 86_400).is("60").restarts().on(&["PHP"]),
    option(PHP, "memory_limit").is("256M").restarts().on(&["PHP"]),
    word(PHP, "zlib.output_compression", &["On", "Off"]).is("Off").restarts().on(&["PHP"]),
    number(PROCESS, "DeregistrationDelay", 0, 3_600).is("20").behind(Balancer::Second),
    number(PROCESS, "HealthCheckInterval", 5, 300).is("15").behind(Balancer::Second),
    option(PROCESS, "HealthCheckPath").is("/").behind(Balancer::Second),
    number(PROCESS, "HealthCheckTimeout", 1, 120).is("5").behind(Balancer::Second),
    number(PROCESS, "HealthyThresholdCount", 2, 10).is("3").behind(Balancer::Second),
    list(PROCESS, "MatcherHTTPCode").behind(Balancer::Second),
    number(PROCESS, "Port", 1, 65_535).is("80").behind(Balancer::Second),
    word(PROCESS, "Protocol", &["HTTP", "HTTPS", "TCP"]).is("HTTP").behind(Balancer::Second),
    flag(PROCESS, "StickinessEnabled").is("false").behind(Balancer::Second),
    number(PROCESS, "StickinessLBCookieDuration", 1, 604_800).is("86400").behind(Balancer::Second),
    word(PROCESS, "StickinessType", &["lb_cookie", "app_cookie"]).is("lb_cookie").behind(Balancer::Second),
    number(PROCESS, "UnhealthyThresholdCount", 2, 10).is("5").behind(Balancer::Second),
    number(PROCESSES, "DeregistrationDelay", 0, 3_600),
    number(PROCESSES, "HealthCheckInterval", 5, 300),
    option(PROCESSES, "HealthCheckPath"),
    number(PROCESSES, "HealthCheckTimeout", 1, 120),
    number(PROCESSES, "HealthyThresholdCount", 2, 10),
    list(PROCESSES, "MatcherHTTPCode"),
    number(PROCESSES, "Port", 1, 65_535),
    word(PROCESSES, "Protocol", &["HTTP", "HTTPS", "TCP"]),
    flag(PROCESSES, "StickinessEnabled"),
    number(PROCESSES, "StickinessLBCookieDuration", 1, 604_800),
    word(PROCESSES, "StickinessType", &["lb_cookie", "app_cookie"]),
    number(PROCESSES, "UnhealthyThresholdCount", 2, 10),
    // Properties of the template that the environment is made of, by its own names.
    option("aws:cloudformation:template:parameter", "*").of(Values::Text(Some(2_000))),
    option("aws:cloudformation:template:resource:property", "*").of(Values::Text(Some(2_000))),
];
