//! What is in a trace: `trace FORMAT FILE` counts its tasks, pods and templates, and shows rows that cannot be read.

use std::fs::File;
use std::io::BufReader;

use sim::cluster::Cluster;
use sim::engine::{Seed, Time};
use sim::workload::trace::{FORMATS, OnBadRow, Scale, Trace, arrivals, find};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, file] = arguments.as_slice() else {
        FORMATS.iter().for_each(|format| println!("{:<14}{}", format.name, format.about));
        return Err("usage: trace FORMAT FILE".into());
    };
    let format = find(format).ok_or_else(|| format!("no trace format is called `{format}`"))?;
    let mut trace = Trace::open(BufReader::new(File::open(file)?), format, Scale::default(), OnBadRow::Skip)?;
    let found = arrivals::survey(trace.by_ref(), Time::ZERO..Time::MAX, &mut Cluster::new(Seed(0)))?;
    println!("{} tasks, {} pods, {} templates, the last at {}", found.tasks, found.pods, found.templates(), found.last);
    match found.out_of_order {
        Some(task) => println!("not in order of time: task {task} is the first that comes before the one above it"),
        None => println!("in order of time"),
    }
    println!("{} rows skipped", trace.skipped().count);
    trace.skipped().first.iter().for_each(|bad| println!("  {bad}"));
    Ok(())
}
