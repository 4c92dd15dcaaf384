//! Options of load balancers. There is none; what is chosen is taken, kept and told.

use super::super::spec::{Balancer, Spec, flag, list, number, option, word};

const CHECK: &str = "aws:elb:healthcheck";
const CLASSIC: &str = "aws:elb:loadbalancer";
const LISTENER: &str = "aws:elb:listener";
const LISTENERS: &str = "aws:elb:listener:*";
const POLICIES: &str = "aws:elb:policies";
const POLICY: &str = "aws:elb:policies:*";
const LISTENER2: &str = "aws:elbv2:listener:default";
const LISTENERS2: &str = "aws:elbv2:listener:*";
const RULES: &str = "aws:elbv2:listenerrule:*";
const SECOND: &str = "aws:elbv2:loadbalancer";

const ELB: &str = "AWSEBLoadBalancer";
const ELB2: &str = "AWSEBV2LoadBalancer";

const PROTOCOLS: &[&str] = &["HTTP", "HTTPS", "TCP", "SSL"];

const fn classic(spec: Spec) -> Spec {
    spec.behind(Balancer::Classic).part_of(ELB)
}

const fn second(spec: Spec) -> Spec {
    spec.behind(Balancer::Second).part_of(ELB2)
}

pub(super) const OPTIONS: &[Spec] = &[
    classic(number(CHECK, "HealthyThreshold", 2, 10).is("3")),
    classic(number(CHECK, "Interval", 5, 300).is("10")),
    classic(option(CHECK, "Target").is("TCP:80")),
    classic(number(CHECK, "Timeout", 2, 60).is("5")),
    classic(number(CHECK, "UnhealthyThreshold", 2, 10).is("5")),
    classic(flag(CLASSIC, "CrossZone").is("false")),
    classic(word(CLASSIC, "LoadBalancerHTTPPort", &["OFF", "80", "8080"]).is("80")),
    classic(word(CLASSIC, "LoadBalancerHTTPSPort", &["OFF", "443", "8443"]).is("OFF")),
    classic(word(CLASSIC, "LoadBalancerPortProtocol", &["HTTP", "TCP"]).is("HTTP")),
    classic(word(CLASSIC, "LoadBalancerSSLPortProtocol", &["HTTPS", "SSL"]).is("HTTPS")),
    classic(option(CLASSIC, "ManagedSecurityGroup")),
    classic(option(CLASSIC, "SSLCertificateId")),
    classic(list(CLASSIC, "SecurityGroups")),
    classic(number(LISTENER, "InstancePort", 1, 65_535).is("80")),
    classic(word(LISTENER, "InstanceProtocol", PROTOCOLS).is("HTTP")),
    classic(flag(LISTENER, "ListenerEnabled").is("true")),
    classic(word(LISTENER, "ListenerProtocol", PROTOCOLS).is("HTTP")),
    classic(list(LISTENER, "PolicyNames")),
    number(LISTENERS, "InstancePort", 1, 65_535),
    word(LISTENERS, "InstanceProtocol", PROTOCOLS),
    flag(LISTENERS, "ListenerEnabled"),
    word(LISTENERS, "ListenerProtocol", PROTOCOLS),
    list(LISTENERS, "PolicyNames"),
    option(LISTENERS, "SSLCertificateId"),
    classic(flag(POLICIES, "ConnectionDrainingEnabled").is("false")),
    classic(number(POLICIES, "ConnectionDrainingTimeout", 1, 3_600).is("20")),
    classic(number(POLICIES, "ConnectionSettingIdleTimeout", 1, 3_600).is("60")),
    classic(option(POLICIES, "LoadBalancerPorts")),
    classic(number(POLICIES, "Stickiness Cookie Expiration", 0, 1_000_000).is("0")),
    classic(flag(POLICIES, "Stickiness Policy").is("false")),
    option(POLICY, "CookieName"),
    list(POLICY, "InstancePorts"),
    list(POLICY, "LoadBalancerPorts"),
    flag(POLICY, "ProxyProtocol"),
    option(POLICY, "PublicKey"),
    list(POLICY, "PublicKeyPolicyNames"),
    list(POLICY, "SSLProtocols"),
    option(POLICY, "SSLReferencePolicy"),
    number(POLICY, "Stickiness Cookie Expiration", 0, 1_000_000),
    flag(POLICY, "Stickiness Policy"),
    second(option(LISTENER2, "DefaultProcess").is("default")),
    second(flag(LISTENER2, "ListenerEnabled").is("true")),
    second(word(LISTENER2, "Protocol", &["HTTP", "HTTPS", "TCP"]).is("HTTP")),
    second(list(LISTENER2, "Rules")),
    second(list(LISTENER2, "SSLCertificateArns")),
    second(option(LISTENER2, "SSLPolicy")),
    option(LISTENERS2, "DefaultProcess"),
    flag(LISTENERS2, "ListenerEnabled"),
    word(LISTENERS2, "Protocol", &["HTTP", "HTTPS", "TCP", "TLS"]),
    list(LISTENERS2, "Rules"),
    list(LISTENERS2, "SSLCertificateArns"),
    option(LISTENERS2, "SSLPolicy"),
    list(RULES, "HostHeaders"),
    list(RULES, "PathPatterns"),
    number(RULES, "Priority", 1, 1_000),
    option(RULES, "Process"),
    second(option(SECOND, "AccessLogsS3Bucket")),
    second(flag(SECOND, "AccessLogsS3Enabled").is("false")),
    second(option(SECOND, "AccessLogsS3Prefix")),
    second(number(SECOND, "IdleTimeout", 1, 4_000)),
    second(word(SECOND, "IpAddressType", &["ipv4", "dualstack"]).is("ipv4")),
    second(option(SECOND, "ManagedSecurityGroup")),
    second(list(SECOND, "SecurityGroups")),
    second(option(SECOND, "SharedLoadBalancer")),
];
