//! Recorded outages from a CSV file: the form of the failure traces of `OpenDC`, converted to text.

use super::diagnostics::Problems;
use super::source::Location;
use crate::engine::Span;
use crate::faults::Outage;

const COLUMNS: [&str; 3] = ["failure_interval", "failure_duration", "failure_intensity"];

/// The outages of a file, and what is wrong with its lines.
pub(super) fn read(source: u32, text: &str, problems: &mut Problems) -> Vec<Outage> {
    let mut outages = Vec::new();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let at = Location { source, start: start as u32, end: (start + line.trim_end().len()) as u32 };
        start += line.len();
        let fields: Vec<&str> = line.trim_end().split(',').map(str::trim).collect();
        if number == 0 {
            if fields != COLUMNS {
                let problem = problems.report(at, "not a trace of outages");
                problem.expected(format!("expected the columns {}", COLUMNS.join(",")));
                return outages;
            }
        } else if fields != [""] {
            match outage(&fields) {
                Some(outage) => outages.push(outage),
                None => {
                    let problem = problems.report(at, "not an outage");
                    problem.expected("expected milliseconds, milliseconds and a share of 0 to 1");
                    return outages;
                }
            }
        }
    }
    if outages.is_empty() {
        problems.report(Location { source, start: 0, end: 0 }, "no outage in the file");
    }
    outages
}

fn outage(fields: &[&str]) -> Option<Outage> {
    let [interval, duration, intensity] = fields else { return None };
    let span = |text: &str| text.parse().ok().filter(|millis| *millis < 10_u64.pow(13)).map(Span::from_millis);
    let intensity: f64 = intensity.parse().ok().filter(|share| (0.0..=1.0).contains(share))?;
    let intensity_ppm = (intensity * 1e6).round() as u32;
    Some(Outage { interval: span(interval)?, duration: span(duration)?, intensity_ppm })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_outages_and_bad_ones_are_reported() {
        let header = "failure_interval,failure_duration,failure_intensity\n";
        let mut problems = Problems::default();
        let outages = read(0, &format!("{header}0,14400000,1\n1200000,6000000,0.666667\n"), &mut problems);
        assert!(problems.is_empty());
        assert_eq!(outages[1].interval, Span::from_secs(1200));
        assert_eq!((outages[0].duration, outages[1].intensity_ppm), (Span::from_secs(14_400), 666_667));
        for bad in ["", "a,b,c\n1,2,0.5\n", &format!("{header}1,2\n"), &format!("{header}1,2,1.5\n"), header] {
            let mut problems = Problems::default();
            read(0, bad, &mut problems);
            assert_eq!(problems.len(), 1, "{bad:?}");
        }
    }
}
