//! Pictures of replications. Each says how many there are, under which seeds, how its intervals were made and
//! of which scenario it is.

mod fan;
mod recovery;
mod stage_bars;
mod zones;

use std::io;

use crate::outcome::Outcome;
use crate::outcome::study::Study;
use crate::report::Files;

use super::canvas::{Canvas, GREY};
use super::incidents;
use super::paint::{Hold, Picture};
use super::{as_files, file_name};

/// All of them, as SVG and PNG. What cannot be summed up, the incidents along time, is drawn of `example`, one of the
/// runs.
pub(in crate::report) fn files(study: &Study, example: Option<&Outcome>) -> io::Result<Files> {
    let mut pictures: Vec<(String, Picture)> = Vec::new();
    let mut add = |name: &str, picture: Option<Picture>| pictures.extend(picture.map(|it| (name.to_string(), it)));
    add("recovery-cdf", recovery::draw(study));
    add("stages", stage_bars::draw(study));
    add("zones", zones::draw(study));
    if let Some(example) = example {
        add(&format!("incidents-seed-{}", example.run.seed), incidents::draw(example));
    }
    for fan in &study.fans {
        add(&format!("replicas-{}", file_name(&fan.workload)), Some(fan::draw(study, fan)));
    }
    as_files(&pictures)
}

/// The line at the bottom of each picture.
pub(in crate::report::plots) fn foot(canvas: &Canvas, y: i32, words: &str) {
    canvas.text((24, y), words, 11.0, Hold::Left, GREY);
}
