//! Fits of the Failure Trace Archive: Javadi, Kondo, Iosup, Epema, *The Failure Trace Archive: Enabling the
//! comparison of failure measurements and models of distributed systems*, J. Parallel Distrib. Comput. 73(8),
//! 2013: lengths of availability and unavailability of single machines, in hours, for nine systems and four
//! families. The same nine names are the prefab failure models of `OpenDC`.

use crate::engine::{Distribution, Span};

use super::super::{Fault, NodeCrash, When};
use super::of_nodes;

/// The family that is fitted.
#[derive(Clone, Copy)]
enum Family {
    Exponential,
    Weibull,
    LogNormal,
    Gamma,
}

const FAMILIES: [(Family, &str); 4] = [
    (Family::Exponential, "exponential"),
    (Family::Weibull, "weibull"),
    (Family::LogNormal, "lognormal"),
    (Family::Gamma, "gamma"),
];

/// Parameters of one family: mean (and nothing); shape and scale; mean and deviation of the logarithm; shape
/// and scale.
type Parameters = (f64, f64);

/// A system: availability, then unavailability, in each family.
struct System {
    name: &'static str,
    about: &'static str,
    up: [Parameters; 4],
    down: [Parameters; 4],
}

/// One system in one family.
pub(super) struct Fit {
    system: &'static System,
    family: Family,
    word: &'static str,
}

/// Every system in every family.
pub(super) fn fits() -> impl Iterator<Item = Fit> {
    let of = |system: &'static System| FAMILIES.iter().map(move |(family, word)| Fit { system, family: *family, word });
    SYSTEMS.iter().flat_map(of)
}

impl Fit {
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.system.name, self.word)
    }

    pub(super) fn about(&self) -> String {
        format!(
            "{}, {} fit of the Failure Trace Archive (Javadi et al., JPDC 73(8), 2013)",
            self.system.about, self.word
        )
    }

    pub(super) fn fault(&self) -> Fault {
        let index = self.family as usize;
        let up = When::Process(distribution(self.family, self.system.up[index]));
        of_nodes("outage", NodeCrash, up, distribution(self.family, self.system.down[index]))
    }
}

fn distribution(family: Family, (first, second): Parameters) -> Distribution {
    let hours = |hours: f64| Span::from_secs_f64(hours * 3600.0);
    match family {
        Family::Exponential => Distribution::Exponential { mean: hours(first) },
        Family::Weibull => {
            Distribution::Weibull { shape: first, mean: hours(second * libm::tgamma(1.0 + 1.0 / first)) }
        }
        Family::LogNormal => Distribution::LogNormal { median: hours(libm::exp(first)), sigma: second },
        Family::Gamma => Distribution::Gamma { shape: first, mean: hours(first * second) },
    }
}

const SYSTEMS: [System; 9] = [
    System {
        name: "g5k06",
        about: "Grid'5000",
        up: [(32.41, 0.0), (0.48, 14.37), (1.51, 2.42), (0.34, 94.35)],
        down: [(7.41, 0.0), (0.35, 0.47), (-2.0, 2.2), (0.19, 39.92)],
    },
    System {
        name: "lanl05",
        about: "supercomputers of Los Alamos",
        up: [(1779.99, 0.0), (0.48, 816.60), (5.56, 2.39), (0.35, 5102.71)],
        down: [(5.92, 0.0), (0.58, 2.18), (0.05, 1.42), (0.38, 15.44)],
    },
    System {
        name: "ldns04",
        about: "DNS servers",
        up: [(141.06, 0.0), (0.51, 79.30), (3.25, 2.33), (0.39, 362.43)],
        down: [(8.61, 0.0), (0.63, 5.62), (0.91, 1.64), (0.51, 16.87)],
    },
    System {
        name: "microsoft99",
        about: "desktops of Microsoft",
        up: [(67.01, 0.0), (0.55, 35.30), (2.62, 1.84), (0.41, 162.19)],
        down: [(16.49, 0.0), (0.60, 9.34), (1.42, 1.54), (0.46, 35.52)],
    },
    System {
        name: "nd07cpu",
        about: "desktops of the University of Notre Dame, by cpu load",
        up: [(13.73, 0.0), (0.45, 4.16), (0.30, 2.20), (0.30, 46.16)],
        down: [(4.25, 0.0), (0.51, 0.74), (-1.02, 1.27), (0.28, 15.07)],
    },
    System {
        name: "overnet03",
        about: "peers of Overnet",
        up: [(2.29, 0.0), (0.85, 2.04), (0.19, 0.98), (0.91, 2.53)],
        down: [(12.00, 0.0), (0.44, 2.98), (0.08, 1.80), (0.29, 41.64)],
    },
    System {
        name: "pl05",
        about: "PlanetLab",
        up: [(159.49, 0.0), (0.33, 19.35), (1.44, 2.86), (0.20, 788.03)],
        down: [(49.61, 0.0), (0.36, 5.59), (0.40, 2.45), (0.21, 237.65)],
    },
    System {
        name: "skype06",
        about: "super-peers of Skype",
        up: [(16.27, 0.0), (0.64, 10.86), (1.60, 1.57), (0.53, 30.79)],
        down: [(14.31, 0.0), (0.63, 9.48), (1.40, 1.73), (0.50, 28.53)],
    },
    System {
        name: "websites02",
        about: "web sites",
        up: [(11.85, 0.0), (0.46, 3.68), (0.23, 2.02), (0.31, 38.67)],
        down: [(1.18, 0.0), (0.65, 0.61), (-1.12, 1.13), (0.50, 2.37)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn families_of_one_system_have_means_of_one_size() {
        // Grid'5000: the Weibull fit's mean is 14.37 h Γ(1 + 1/0.48) = 31.1 h, the gamma fit's 0.34 · 94.35 h =
        // 32.1 h, the exponential one's 32.41 h. Four standard errors of 200,000 draws are 0.64 h at most.
        for (family, parameters, mean) in
            [(Family::Exponential, SYSTEMS[0].up[0], 32.41), (Family::Gamma, SYSTEMS[0].up[3], 32.08)]
        {
            let (distribution, mut stream) = (distribution(family, parameters), Seed(1).stream("test", 0));
            let n = 200_000;
            let sum: f64 = (0..n).map(|_| distribution.sample(&mut stream).as_secs_f64() / 3600.0).sum();
            assert!((sum / f64::from(n) - mean).abs() < 0.64, "{} instead of {mean}", sum / f64::from(n));
        }
    }
}
