//! Findings, for people.

use std::fmt::Write as _;

use imds_core::finding::{Finding, Known, Severity, Way};

/// A finding in lines. `place` says where it was made; commands are left out where the reader needs none.
pub(super) fn text(finding: &Finding, place: &str, known: &Known, has_commands: bool) -> String {
    let severity = match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut text = String::new();
    let mut line = |indent: usize, what: std::fmt::Arguments<'_>| {
        let what = known.fill(&what.to_string());
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:indent$}{what}", "");
    };
    line(0, format_args!("{severity}: {} ({}{place})", finding.what.en, finding.id));
    line(2, format_args!("why:  {} (docs/wire.md {})", finding.why.en, finding.wire.join(", ")));
    line(2, format_args!("cure: {}", finding.cure.what.en));
    if has_commands {
        for command in finding.cure.commands {
            line(10, format_args!("{command}"));
        }
    }
    if let Some(setting) = &finding.cure.setting {
        // Where there is nothing else to be done, what it does has been said.
        if !finding.cure.commands.is_empty() {
            line(8, format_args!("or, {}:", setting.what.en));
        }
        for (name, Way { command, console }) in
            [("EC2", setting.ec2), ("Elastic Beanstalk", setting.beanstalk)]
        {
            match command {
                Some(command) => {
                    line(10, format_args!("{name}: {command}"));
                    line(10, format_args!("{name} console: {}", console.en));
                }
                None => line(10, format_args!("{name}: {}", console.en)),
            }
        }
    }
    text
}
