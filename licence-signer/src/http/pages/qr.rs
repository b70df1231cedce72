//! QR codes as drawings in a page.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode, Version};
use web::html::escape;

/// A text as a QR code at level M: one alphanumeric segment, four modules of margin, dark on white whatever the theme.
pub(super) fn qr(text: &str, class: &str, name: &str) -> Option<String> {
    let mut bits = qrcode::bits::Bits::new(Version::Normal(1));
    let alphanumeric = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || " $%*+-./:".contains(c);
    if !text.chars().all(alphanumeric) {
        return None;
    }
    // The smallest version that holds it; the library's own choice might split it into several segments.
    for version in 1..=40 {
        bits = qrcode::bits::Bits::new(Version::Normal(version));
        if bits.push_alphanumeric_data(text.as_bytes()).is_ok() && bits.push_terminator(EcLevel::M).is_ok() {
            let code = QrCode::with_bits(bits, EcLevel::M).ok()?;
            return Some(draw(&code, class, name));
        }
    }
    let _ = bits;
    None
}

fn draw(code: &QrCode, class: &str, name: &str) -> String {
    let drawn: String = code
        .render::<svg::Color<'_>>()
        .quiet_zone(true)
        .module_dimensions(1, 1)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    // The library writes a whole document; a page wants the drawing alone, scaled by its class.
    let body = drawn.find("<svg").map_or(drawn.as_str(), |at| &drawn[at..]);
    let inner = body.find('>').map_or("", |at| &body[at + 1..]);
    let side = code.width() + 8;
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{}\" shape-rendering=\"crispEdges\">{inner}",
        escape(name)
    )
}

#[cfg(test)]
mod tests {
    use super::qr;

    /// KF-17: the side of each symbol leaves room for one alphanumeric segment and for no other mark.
    #[test]
    fn codes_take_the_smallest_symbol_that_holds_them() {
        for (length, side) in [(1, 21), (30, 25), (38, 25), (39, 29), (483, 69), (816, 89)] {
            let drawn = qr(&"A".repeat(length), "qr", "QR").expect("it fits");
            assert!(drawn.contains(&format!("viewBox=\"0 0 {0} {0}\"", side + 8)), "{length}");
        }
        assert_eq!(qr("lower", "qr", "QR"), None);
    }
}
