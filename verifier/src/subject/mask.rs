//! How little of a number or a name is shown. Every function counts characters, not bytes, and never shows the whole.

/// An ID number: fourteen `*` and the last four characters; a text of another length as [`document`].
pub fn id_number(number: &str) -> String {
    if number.chars().count() == 18 { keep(number, 0, 4) } else { document(number) }
}

/// The number of another document: all but the last two characters.
pub fn document(number: &str) -> String {
    keep(number, 0, 2)
}

/// The number of a document of that type (GB/T 36903): `111` as [`id_number`], others as [`document`].
pub fn number(id_type: &str, number: &str) -> String {
    if id_type == "111" { id_number(number) } else { document(number) }
}

/// A phone number: the first three and the last four of eleven or more characters, else the last two.
pub fn phone(number: &str) -> String {
    if number.chars().count() >= 11 { keep(number, 3, 4) } else { keep(number, 0, 2) }
}

/// A name: its first character; of a name of one character nothing.
pub fn name(name: &str) -> String {
    keep(name, 1, 0)
}

/// `first` and `last` characters, the others as `*`; all of them as `*` where nothing would be hidden.
fn keep(text: &str, first: usize, last: usize) -> String {
    let count = text.chars().count();
    let (first, last) = if first + last < count { (first, last) } else { (0, 0) };
    text.chars().enumerate().map(|(i, c)| if i < first || i >= count - last { c } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_show_what_is_meant() {
        for (shown, expected) in [
            (id_number("11010519491231002X"), "**************002X"),
            (id_number("110105491231002"), "*************02"),
            (document("E12345678"), "*******78"),
            (document("12"), "**"),
            (document("护照号"), "*照号"),
            (number("111", "11010519491231002X"), "**************002X"),
            (number("414", "11010519491231002X"), "****************2X"),
            (phone("13800138000"), "138****8000"),
            (phone("+8613800138000"), "+86*******8000"),
            (phone("12345678"), "******78"),
            (name("张"), "*"),
            (name("欧阳"), "欧*"),
            (name("𠮷田"), "𠮷*"),
            (name("买买提·吐尔逊"), "买******"),
            (name(""), ""),
        ] {
            assert_eq!(shown, expected);
        }
    }

    /// KF-37: no length and no width of character makes a mask panic, and none shows the whole.
    #[test]
    fn no_text_is_shown_whole() {
        for mask in [id_number, document, phone, name] {
            for piece in ["1", "é", "张", "𠮷", "e\u{301}", "·"] {
                for count in 1..=40 {
                    let text = piece.repeat(count);
                    let masked = mask(&text);
                    assert_ne!(masked, text);
                    assert_eq!(masked.chars().count(), text.chars().count());
                }
            }
        }
    }
}
