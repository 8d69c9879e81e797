//! Cursors that nobody was given.

/// Texts that are no cursor, and `cursor` changed at every place, cut short, and made longer.
pub fn forgeries(cursor: &str) -> Vec<String> {
    let mut forged: Vec<String> = ["x", "AAAA", "null", "%00", "12345", "{}", "%F0%9F%A6%80"].map(String::from).into();
    for (at, original) in cursor.char_indices() {
        for other in ['A', 'B', '-', '9'] {
            if other != original {
                forged.push(format!("{}{other}{}", &cursor[..at], &cursor[at + 1..]));
            }
        }
    }
    forged.push(cursor[..cursor.len() - 1].to_owned());
    forged.push(format!("{cursor}A"));
    forged.push(format!("{cursor}%3D"));
    forged
}
