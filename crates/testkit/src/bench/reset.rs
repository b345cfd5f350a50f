//! The bench `reset`: what Passback adds to the directory's own time for setting a password
//! (SPEC X-4).
//!
//! ```text
//! bare   python3-ldap on a kept LDAPS connection: one modify with unicodePwd, lockoutTime and the
//!        policy-hints control, timed around the modify
//! ours   from the first byte of the browser's last request (a sealed password, on a kept HTTPS
//!        connection) to the last byte of the answer "changed"
//! ```
//!
//! Both run as the same service account at the same controller, in random order, each on somebody
//! who was never reset before. Ours has everything on: TLS everywhere, journal, guard, policy
//! hints, audit; and nothing of it is on while the other one is timed.

mod pairs;
mod rate;
mod stages;

use std::sync::Arc;

use self::rate::Rates;
use self::stages::Stages;
use super::crowd::Crowd;
use super::report::{Report, Table};
use super::statistics::{
    self, Draw, Estimate, Pair, difference_of_medians, median, quantile, ratio_of_medians,
};
use super::{Run, Wishes};
use crate::visitor::trusting;
use crate::{Options, Stack, StackError};

/// Pairs that are not counted: connections, caches and prepared statements come into being.
const WARM_UP: usize = 10;
/// How many resets have their stages timed, of each pair.
const STAGES_EACH: usize = 4;

/// What was measured on one controller.
struct Measured {
    pairs: Vec<Pair>,
    rates: Rates,
    stages: Stages,
}

/// Measures on the controllers that are wanted, one after the other.
pub(super) fn run(wishes: &Wishes, run: &Run<'_>) -> Result<Report, StackError> {
    let mut report = Report::new("reset");
    for line in [
        "A password is set: bare by python3-ldap on a kept LDAPS connection, ours from the sealed",
        "submit over HTTPS to the answer, with TLS, journal, guard, policy hints and audit on.",
    ] {
        report.note(line.to_owned());
    }
    report.note(wishes.head("pairs"));
    let mut draw = Draw::new(wishes.seed);
    for controller in wishes.controllers() {
        let measured = run.on(*controller, |forest| measure(forest, wishes, &mut draw, run))?;
        tell(&mut report, controller.prefix(), controller.name(), &measured, &mut draw);
    }
    Ok(report)
}

fn measure(
    forest: &lab::Forest,
    wishes: &Wishes,
    draw: &mut Draw,
    run: &Run<'_>,
) -> Result<Measured, StackError> {
    let timed = 2 * (wishes.pairs + WARM_UP);
    let staged = wishes.pairs / STAGES_EACH + WARM_UP;
    let count = timed + rate::people(wishes.pairs) + staged;
    let mut crowd = Crowd::make(forest, count, Draw::new(draw.next()), run.say)?;
    run.step("cloud service and agent start, and everybody is synchronised")?;
    let mut stack = Stack::start(forest, options())?;
    let trust = Arc::new(trusting(&stack.ca_file())?);
    let pairs = pairs::measure(&stack, &trust, &mut crowd, wishes.pairs, draw, run)?;
    let rates = rate::measure(&stack, &trust, &mut crowd, wishes.pairs, draw, run)?;
    let stages = stages::measure(&mut stack, &trust, &mut crowd, staged, run)?;
    Ok(Measured { pairs, rates, stages })
}

/// As shipped, but for throttles, since everybody comes from one address, and the breaker: a measurement
/// is more resets than an hour has.
fn options() -> Options {
    Options {
        cloud: "[throttle]\nstarts_per_address = 100000\nstarts_per_tenant = 100000\n\
                [agents]\nheartbeat_fresh_seconds = 660\n"
            .to_owned(),
        agent: "[heartbeat]\ninterval_seconds = 300\nprobe_seconds = 30\n\
                [breaker]\nresets_per_hour = 100000\n"
            .to_owned(),
        ..Options::default()
    }
}

fn tell(report: &mut Report, prefix: &str, name: &str, measured: &Measured, draw: &mut Draw) {
    let Measured { pairs, rates, stages } = measured;
    let (bare, ours) = statistics::halves(pairs);
    let ratio = ratio_of_medians(pairs, draw);
    let added = difference_of_medians(pairs, draw);
    report.estimate(&format!("{prefix}ratio_p50"), ratio);
    report.estimate(&format!("{prefix}added_ms_p50"), added);
    for (who, samples) in [("bare", &bare), ("ours", &ours)] {
        report.figure(format!("{prefix}{who}_ms_p50"), median(samples));
        report.figure(format!("{prefix}{who}_ms_p99"), quantile(samples, 0.99));
    }
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 pairs")]
    report.figure(format!("{prefix}pairs"), pairs.len() as f64);
    report.estimate(&format!("{prefix}rate8_ratio"), rates.ratio(draw));
    report.figure(format!("{prefix}rate8_bare_per_second"), rates.bare());
    report.figure(format!("{prefix}rate8_ours_per_second"), rates.ours());

    let mut table = Table::new([name, "p50", "p99", "95 % of the p50"]);
    let ms = |value: f64| format!("{value:.2} ms");
    let range = |of: Estimate| format!("{:.3} – {:.3}", of.low, of.high);
    for (who, samples) in [("bare", &bare), ("ours", &ours)] {
        let interval = statistics::estimate(samples, draw, median);
        table.row([
            who.to_owned(),
            ms(median(samples)),
            ms(quantile(samples, 0.99)),
            range(interval),
        ]);
    }
    let tails = quantile(&ours, 0.99) / quantile(&bare, 0.99);
    let ratio_cells = [format!("{:.3}", ratio.value), format!("{tails:.3}"), range(ratio)];
    table.row(std::iter::once("ours / bare".to_owned()).chain(ratio_cells));
    table.row(["ours − bare".to_owned(), ms(added.value), String::new(), range(added)]);
    report.table(table);

    let mut table = Table::new(["8 callers", "per second", "ours / bare", "95 %"]);
    let rate = rates.ratio(draw);
    table.row(["bare".to_owned(), format!("{:.1}", rates.bare())]);
    let cells = [format!("{:.1}", rates.ours()), format!("{:.3}", rate.value), range(rate)];
    table.row(std::iter::once("ours".to_owned()).chain(cells));
    report.table(table);

    let mut table = Table::new(["stage of ours (in one process)", "p50", "p99"]);
    for (stage, what, samples) in stages.each() {
        report.figure(format!("{prefix}stage_{stage}_ms_p50"), median(samples));
        table.row([what.to_owned(), ms(median(samples)), ms(quantile(samples, 0.99))]);
    }
    report.table(table);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_of_the_interface_is_told_for_both_controllers() {
        let pairs: Vec<_> =
            (0..50u32).map(|at| Pair { bare: 50.0 + f64::from(at % 5), ours: 54.0 }).collect();
        let measured = Measured {
            pairs,
            rates: Rates::of(&[(20.0, 19.0), (21.0, 20.0), (20.5, 20.0)]),
            stages: Stages::of(&[[1.0; stages::COUNT]; 3]),
        };
        let mut report = Report::new("reset");
        for (prefix, name) in [("", "plain Samba"), ("fast_", "fast Samba")] {
            tell(&mut report, prefix, name, &measured, &mut Draw::new(1));
        }
        for name in [
            "ratio_p50",
            "ratio_p50_low",
            "ratio_p50_high",
            "fast_ratio_p50",
            "added_ms_p50",
            "fast_added_ms_p50",
            "bare_ms_p50",
            "bare_ms_p99",
            "ours_ms_p50",
            "ours_ms_p99",
            "rate8_ratio",
            "rate8_bare_per_second",
            "rate8_ours_per_second",
            "stage_applied_ms_p50",
            "fast_stage_told_ms_p50",
        ] {
            assert!(report.value(name).is_some_and(f64::is_finite), "{name}");
        }
        let text = report.text();
        assert!(text.contains("ours / bare") && text.contains("fast Samba"), "{text}");
    }
}
