//! The bench `directory`: what our own client of the directory costs beside one that is not ours, how
//! much of what the controller can do it makes use of, and how soon it is back after the controller
//! was away (SPEC X-4).
//!
//! ```text
//! bare   python3-ldap on a kept LDAPS connection, timed around the modify
//! ours   the crate `directory` as the agent has it: the PDC emulator found by DNS, a kept pool,
//!        LDAPS, the policy-hints control; timed around Directory::write
//! ```
//!
//! Both send the same modify with the same controls to the same controller, as the same service
//! account, in random order, each about somebody who has lived through the same. What the agent reads
//! before a set is no part of a write, and is measured by the bench `reset`.

mod ours;
mod pairs;
mod rates;
mod recovery;
mod subjects;

use self::ours::Ours;
use self::rates::Rates;
use self::recovery::Recoveries;
use self::subjects::{Teams, Work};
use super::bare::Bare;
use super::report::{Report, Table};
use super::statistics::{
    self, Draw, Estimate, Pair, difference_of_medians, median, quantile, ratio_of_medians,
};
use super::{Run, Wishes};
use crate::StackError;

/// Pairs that are not counted: connections, pool and caches come into being.
const WARM_UP: usize = 10;
/// What is measured in pairs, and how its figures begin.
const WORKS: [(Work, &str); 3] =
    [(Work::Set, "set"), (Work::Change, "change"), (Work::Unlock, "unlock")];

/// What was measured on one controller.
struct Measured {
    /// In the order of [`WORKS`].
    pairs: [Vec<Pair>; WORKS.len()],
    rates: Vec<Rates>,
    recoveries: Recoveries,
}

/// Measures on the controllers that are wanted, one after the other.
pub(super) fn run(wishes: &Wishes, run: &Run<'_>) -> Result<Report, StackError> {
    let mut report = Report::new("directory");
    for line in [
        "One modify: bare by python3-ldap on a kept LDAPS connection, ours by the crate `directory`",
        "with its pool. The same service account, controller, target, changes and controls.",
    ] {
        report.note(line.to_owned());
    }
    report.note(wishes.head("pairs of each kind"));
    let mut draw = Draw::new(wishes.seed);
    for controller in wishes.controllers() {
        let measured =
            run.on(*controller, |forest| measure(forest, wishes.pairs, &mut draw, run))?;
        tell(&mut report, controller.prefix(), controller.name(), &measured, &mut draw);
    }
    Ok(report)
}

fn measure(
    forest: &lab::Forest,
    count: usize,
    draw: &mut Draw,
    run: &Run<'_>,
) -> Result<Measured, StackError> {
    let each = (WARM_UP + count).max(rates::people());
    let mut teams = Teams::make(forest, each, Draw::new(draw.next()), run)?;
    let mut bare = Bare::connect(forest)?;
    let ours = Ours::connect(forest)?;
    let mut pairs: [Vec<Pair>; WORKS.len()] = Default::default();
    for (into, (work, name)) in pairs.iter_mut().zip(WORKS) {
        let clients = (&mut bare, &ours);
        *into = pairs::measure((work, name), clients, &mut teams, count, draw, run)?;
    }
    teams.prove(forest)?;
    let rates = rates::measure(forest, &ours, &mut teams, count, draw, run)?;
    let recoveries = recovery::measure(forest, (&mut bare, &ours), &teams, count, run)?;
    Ok(Measured { pairs, rates, recoveries })
}

fn tell(report: &mut Report, prefix: &str, name: &str, measured: &Measured, draw: &mut Draw) {
    for ((work, key), pairs) in WORKS.into_iter().zip(&measured.pairs) {
        tell_pairs(
            report,
            &format!("{prefix}{key}"),
            &format!("{name}: {}", work.told()),
            pairs,
            draw,
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 pairs")]
    report.figure(format!("{prefix}pairs"), measured.pairs[0].len() as f64);

    let mut table =
        Table::new(["callers", "bare, per second", "ours, per second", "ours / bare", "95 %"]);
    for rates in &measured.rates {
        let key = format!("{prefix}rate{}", rates.callers);
        let ratio = rates.ratio(draw);
        report.estimate(&format!("{key}_ratio"), ratio);
        report.figure(format!("{key}_bare_per_second"), rates.bare());
        report.figure(format!("{key}_ours_per_second"), rates.ours());
        table.row([
            rates.callers.to_string(),
            format!("{:.1}", rates.bare()),
            format!("{:.1}", rates.ours()),
            format!("{:.3}", ratio.value),
            range(ratio),
        ]);
    }
    report.table(table);

    let heading = ["back after the controller listens again", "median", "longest", "95 %"];
    let mut table = Table::new(heading);
    for (who, key, samples) in [
        ("bare", "bare_recovery", &measured.recoveries.bare),
        ("ours", "pool_recovery", &measured.recoveries.ours),
    ] {
        let found = statistics::estimate(samples, draw, median);
        report.estimate(&format!("{prefix}{key}_ms"), found);
        report.figure(format!("{prefix}{key}_ms_max"), quantile(samples, 1.0));
        table.row([who.to_owned(), ms(found.value), ms(quantile(samples, 1.0)), range(found)]);
    }
    report.table(table);
}

fn tell_pairs(report: &mut Report, key: &str, heading: &str, pairs: &[Pair], draw: &mut Draw) {
    let (bare, ours) = statistics::halves(pairs);
    let ratio = ratio_of_medians(pairs, draw);
    let added = difference_of_medians(pairs, draw);
    report.estimate(&format!("{key}_ratio_p50"), ratio);
    report.estimate(&format!("{key}_added_ms_p50"), added);
    let mut table = Table::new([heading, "p50", "p99", "95 % of the p50"]);
    for (who, samples) in [("bare", &bare), ("ours", &ours)] {
        let interval = statistics::estimate(samples, draw, median);
        report.estimate(&format!("{key}_{who}_ms_p50"), interval);
        report.figure(format!("{key}_{who}_ms_p99"), quantile(samples, 0.99));
        let cells = [ms(interval.value), ms(quantile(samples, 0.99)), range(interval)];
        table.row(std::iter::once(who.to_owned()).chain(cells));
    }
    let tails = quantile(&ours, 0.99) / quantile(&bare, 0.99);
    let ratio_cells = [format!("{:.3}", ratio.value), format!("{tails:.3}"), range(ratio)];
    table.row(std::iter::once("ours / bare".to_owned()).chain(ratio_cells));
    table.row(["ours − bare".to_owned(), ms(added.value), String::new(), range(added)]);
    report.table(table);
}

fn ms(value: f64) -> String {
    format!("{value:.2} ms")
}

fn range(of: Estimate) -> String {
    format!("{:.3} – {:.3}", of.low, of.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(ours: f64) -> Vec<Pair> {
        (0..50u32).map(|at| Pair { bare: 50.0 + f64::from(at % 5), ours }).collect()
    }

    #[test]
    fn every_figure_of_the_bench_is_told_for_both_controllers() {
        let rounds = [(20.0, 19.0), (21.0, 20.0), (20.5, 20.0)];
        let measured = Measured {
            pairs: [pairs(52.0), pairs(57.2), pairs(26.0)],
            rates: [8, 64].map(|callers| Rates::of(callers, &rounds)).into(),
            recoveries: Recoveries { bare: vec![40.0, 60.0], ours: vec![80.0, 120.0] },
        };
        let mut report = Report::new("directory");
        for (prefix, name) in [("", "plain Samba"), ("fast_", "fast Samba")] {
            tell(&mut report, prefix, name, &measured, &mut Draw::new(1));
        }
        for name in [
            "set_ratio_p50",
            "set_ratio_p50_low",
            "set_ratio_p50_high",
            "set_bare_ms_p50",
            "set_bare_ms_p50_low",
            "set_ours_ms_p50",
            "set_ours_ms_p99",
            "change_ratio_p50",
            "change_bare_ms_p50",
            "unlock_ratio_p50",
            "unlock_added_ms_p50",
            "fast_unlock_ours_ms_p50_high",
            "rate8_ratio",
            "rate8_bare_per_second",
            "rate64_ratio_low",
            "fast_rate64_ours_per_second",
            "pool_recovery_ms",
            "pool_recovery_ms_max",
            "fast_bare_recovery_ms",
            "pairs",
        ] {
            assert!(report.value(name).is_some_and(f64::is_finite), "{name}");
        }
        let near = |name, expected: f64| {
            let found = report.value(name).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        };
        near("set_ratio_p50", 1.0);
        near("change_ratio_p50", 1.1);
        near("unlock_ratio_p50", 0.5);
        near("pool_recovery_ms", 100.0);
        near("pool_recovery_ms_max", 120.0);
        let text = report.text();
        assert!(text.contains("ours / bare") && text.contains("fast Samba: unlock"), "{text}");
    }
}
