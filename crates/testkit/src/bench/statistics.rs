//! Quantiles, and intervals of what is computed from samples: bootstrap, with a seed, so that the
//! same samples give the same interval.

use std::time::Duration;

/// How often samples are drawn again for an interval. At 2,000 the ends of a 95 % interval move by
/// less than their own last printed digit from seed to seed.
const RESAMPLES: usize = 2_000;

/// Two durations in milliseconds that were measured one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) bare: f64,
    pub(super) ours: f64,
}

/// A figure and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// A source of numbers that a seed decides (SplitMix64, Steele and others 2014). For orders and
/// resampling; nothing secret comes from it.
#[derive(Debug, Clone)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0. The bias of the remainder is far below what is
    /// measured.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end.max(1)).unwrap_or(0)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A duration in milliseconds.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The `q`-quantile, between two samples in proportion; 0 of nothing.
pub(super) fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 samples")]
    let at = q * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * at.fract()
}

/// The median.
pub(super) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The median of ours over the median of the bare ones, with its interval. Pairs are drawn again as
/// pairs: what slows one half down slows the other one too.
pub(super) fn ratio_of_medians(pairs: &[Pair], draw: &mut Draw) -> Estimate {
    estimate(pairs, draw, |pairs| {
        let (bare, ours) = halves(pairs);
        median(&ours) / median(&bare)
    })
}

/// The median of ours less the median of the bare ones, with its interval.
pub(super) fn difference_of_medians(pairs: &[Pair], draw: &mut Draw) -> Estimate {
    estimate(pairs, draw, |pairs| {
        let (bare, ours) = halves(pairs);
        median(&ours) - median(&bare)
    })
}

/// The bare halves and ours.
pub(super) fn halves(pairs: &[Pair]) -> (Vec<f64>, Vec<f64>) {
    pairs.iter().map(|pair| (pair.bare, pair.ours)).unzip()
}

/// What `of` gives of the samples, with its interval.
pub(super) fn estimate<T: Clone>(
    samples: &[T],
    draw: &mut Draw,
    of: impl Fn(&[T]) -> f64,
) -> Estimate {
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let again = samples.iter().map(|_| samples[draw.below(samples.len())].clone());
            of(&again.collect::<Vec<_>>())
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    Estimate { value: of(samples), low: quantile(&drawn, 0.025), high: quantile(&drawn, 0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_samples_in_proportion() {
        let samples = [40.0, 10.0, 20.0, 30.0];
        assert!((median(&samples) - 25.0).abs() < 1e-9);
        assert!((quantile(&samples, 1.0) - 40.0).abs() < 1e-9);
        assert!((quantile(&samples, 0.0) - 10.0).abs() < 1e-9);
        assert!((quantile(&[7.0], 0.99) - 7.0).abs() < 1e-9);
        assert!(median(&[]).abs() < 1e-9);
    }

    #[test]
    fn an_interval_holds_the_true_ratio_and_narrows_with_more_pairs() {
        let mut draw = Draw::new(7);
        let mut pairs = |count: usize| -> Vec<Pair> {
            let mut noise = || f64::from(u32::try_from(draw.below(1_000)).unwrap()) / 1_000.0;
            (0..count)
                .map(|_| Pair { bare: 10.0 + noise(), ours: 1.1 * (10.0 + noise()) })
                .collect()
        };
        let (few, many) = (pairs(50), pairs(1_000));
        let few = ratio_of_medians(&few, &mut Draw::new(1));
        let many = ratio_of_medians(&many, &mut Draw::new(1));
        for found in [few, many] {
            assert!(found.low < 1.1 && 1.1 < found.high, "{found:?}");
            assert!(found.low <= found.value && found.value <= found.high, "{found:?}");
        }
        assert!(many.high - many.low < few.high - few.low, "{few:?} {many:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_another_one_the_same_value() {
        let pairs: Vec<_> = (0..100u32)
            .map(|at| Pair { bare: 50.0 + f64::from(at % 7), ours: 55.0 + f64::from(at % 11) })
            .collect();
        let of = |seed| difference_of_medians(&pairs, &mut Draw::new(seed));
        assert_eq!(of(3), of(3));
        assert!((of(3).value - of(4).value).abs() < 1e-12);
        assert!((of(3).value - 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_seed_decides_an_order_that_prefers_nobody() {
        let mut draw = Draw::new(1);
        let heads = (0..1_000).filter(|_| draw.coin()).count();
        assert!((450..550).contains(&heads), "{heads}");
        assert!((0..1_000).all(|_| draw.below(3) < 3));
    }
}
