//! Writes the seeds of each fuzz target into `fuzz/corpus`: `cargo run -p bodies --example seeds`, where a target is new.

use std::path::Path;

use bodies::TARGETS;

/// Larger seeds are made anew at each run and do not lie in git.
const MOST_BYTES: usize = 1_500;

fn main() -> std::io::Result<()> {
    for target in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (place, seed) in (target.seeds)().iter().enumerate().filter(|(_, seed)| seed.len() <= MOST_BYTES) {
            std::fs::write(folder.join(format!("seed-{place}")), seed)?;
        }
    }
    Ok(())
}
