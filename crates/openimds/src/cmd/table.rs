//! Tables for people.

use std::fmt::Display;

use comfy_table::{Row, Table, presets};

use crate::admin::printable;

/// What is shown where there is nothing.
const NOTHING: &str = "-";

/// A cell of a value that may not be there.
pub(super) fn cell(value: Option<impl Display>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| value.to_string())
}

/// Columns below their heads, which are empty for a table that needs none.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if heads != [""; N] {
        table.set_header(heads);
    }
    for row in rows {
        table.add_row(Row::from(row.map(|cell| printable(&cell))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = table.trim_fmt();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["i-0000000a".to_owned(), cell(Some(2))], ["i-\u{1b}[2J".to_owned(), cell(None::<u8>)]];
        insta::assert_snapshot!(table(["ID", "HOPS"], rows.clone()), @r"
        ID          HOPS
        i-0000000a  2
        i-�[2J      -
        ");
        assert_eq!(table(["", ""], rows).lines().count(), 2);
        assert_eq!(table(["ID"], []), "ID\n");
    }
}
