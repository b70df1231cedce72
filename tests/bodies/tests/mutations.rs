//! The bodies of the fuzz targets for some seconds on any toolchain: the committed corpus, and mutations that are the same on
//! every run.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "says how much ran")]

use std::path::Path;

use bodies::TARGETS;
use bodies::mutations::Dice;

/// The committed corpus of a target.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn bodies_hold_for_the_corpus_and_for_mutations() {
    let mut all = 0;
    for target in TARGETS {
        let (seeds, corpus) = ((target.seeds)(), corpus(target.name));
        let mut dice = Dice(7);
        let mut ran = 0;
        for input in seeds.iter().chain(&corpus) {
            (target.body)(input);
            ran += 1;
        }
        let inputs: Vec<&Vec<u8>> = seeds.iter().chain(&corpus).collect();
        for round in 0..target.rounds {
            let other = inputs[dice.below(inputs.len())];
            (target.body)(&dice.mutate(inputs[round % inputs.len()], other));
            ran += 1;
        }
        println!("{}: {ran} inputs, {} of them of the corpus", target.name, corpus.len());
        all += ran;
    }
    println!("bodies: {all} inputs ran");
    assert!(TARGETS.len() == 23 && all > 15_000);
}

/// A target without its file in `fuzz/`, or a file without a target, is forgotten.
#[test]
fn every_target_has_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<String> = entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    found.sort();
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    assert_eq!(found, names);
}
