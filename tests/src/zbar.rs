//! QR codes read from pictures by an independent decoder.

use std::path::Path;
use std::process::Command;

use crate::tools::ZBARIMG;

/// The texts of all QR codes in the picture at `path`.
pub fn decode(path: &Path) -> Vec<String> {
    let output = Command::new(ZBARIMG.path())
        .args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"])
        .arg(path)
        .output()
        .expect("zbarimg starts");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
