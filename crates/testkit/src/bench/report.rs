//! What a bench found: figures by name for programs, tables for people.

use serde_json::{Map, Number, Value, json};

use super::statistics::Estimate;

/// What a bench found.
#[derive(Debug)]
pub struct Report {
    bench: &'static str,
    /// What was compared and how, a line each.
    notes: Vec<String>,
    tables: Vec<Table>,
    figures: Vec<(String, f64)>,
}

/// Rows under a heading, for people.
#[derive(Debug)]
pub(super) struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Report {
    pub(super) const fn new(bench: &'static str) -> Self {
        Self { bench, notes: Vec::new(), tables: Vec::new(), figures: Vec::new() }
    }

    pub(super) fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    pub(super) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    pub(super) fn figure(&mut self, name: String, value: f64) {
        self.figures.push((name, value));
    }

    /// A figure with the ends of its interval as `…_low` and `…_high`.
    pub(super) fn estimate(&mut self, name: &str, found: Estimate) {
        self.figure(name.to_owned(), found.value);
        self.figure(format!("{name}_low"), found.low);
        self.figure(format!("{name}_high"), found.high);
    }

    /// The figure with this name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Notes and tables.
    pub fn text(&self) -> String {
        let mut text: String = self.notes.iter().map(|line| format!("{line}\n")).collect();
        for table in &self.tables {
            text.push('\n');
            text.push_str(&table.text());
        }
        text
    }

    /// One line: `{"bench", "commit", "figures"}` (INTERFACES "Commands").
    pub fn json(&self, commit: &str) -> String {
        let figures: Map<String, Value> =
            self.figures.iter().map(|(name, value)| (name.clone(), number(*value))).collect();
        json!({ "bench": self.bench, "commit": commit, "figures": figures }).to_string()
    }
}

impl Table {
    pub(super) fn new<const COLUMNS: usize>(heading: [&str; COLUMNS]) -> Self {
        Self { heading: heading.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    /// One more row; a missing cell is empty.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn text(&self) -> String {
        let all = || std::iter::once(&self.heading).chain(&self.rows);
        let columns = all().map(Vec::len).max().unwrap_or_default();
        let mut widths = vec![0; columns];
        for row in all() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        all()
            .map(|row| {
                let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
                    // Names begin at the left, numbers end at the right.
                    if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                });
                format!("{}\n", cells.collect::<Vec<_>>().join("   ").trim_end())
            })
            .collect()
    }
}

/// A number of at most four places behind the point, a whole one without.
fn number(value: f64) -> Value {
    let rounded = (value * 10_000.0).round() / 10_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "looked at: whole, and exact below 2^53")]
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        return Value::from(rounded as i64);
    }
    // What is no number (a ratio to nothing) must not look like one.
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_one_line_with_name_commit_and_figures() {
        let mut report = Report::new("reset");
        report.figure("count".to_owned(), 2.0);
        report.estimate("ratio_p50", Estimate { value: 1.123_456, low: 1.1, high: f64::NAN });
        let line = report.json("abc");
        assert!(!line.contains('\n'));
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["bench"], &read["commit"]), (&json!("reset"), &json!("abc")));
        assert_eq!(read["figures"]["count"].to_string(), "2");
        assert_eq!(read["figures"]["ratio_p50"], json!(1.1235));
        assert_eq!(read["figures"]["ratio_p50_high"], Value::Null);
        assert_eq!(report.value("ratio_p50_low"), Some(1.1));
    }

    #[test]
    fn people_get_columns_that_stand_below_each_other() {
        let mut table = Table::new(["", "plain", "fast"]);
        table.row(["bare p50".to_owned(), "49.1 ms".to_owned()]);
        table.row(["Ijskoud é".to_owned(), "1".to_owned(), "2".to_owned()]);
        let mut report = Report::new("reset");
        report.note("What is compared".to_owned());
        report.table(table);
        let expected = "What is compared\n\n              plain   fast\nbare p50    49.1 ms\n\
                        Ijskoud é         1      2\n";
        assert_eq!(report.text(), expected);
    }
}
