//! Lines and columns of a text.

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    starts: Vec<usize>,
}

/// Longer lines are cut where they are shown.
const LONGEST_SNIPPET: usize = 160;

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        let after = text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// The line of a place, from 0.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The same as people count.
    pub(crate) fn number(&self, at: usize) -> u32 {
        u32::try_from(self.line(at) + 1).unwrap_or(u32::MAX)
    }

    /// The bytes of a line, without its break.
    pub(crate) fn bytes(&self, line: usize) -> &'t [u8] {
        let start = self.starts.get(line).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let bytes = &self.text[start..end.max(start)];
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }

    /// The column of a place, in characters from 1; that of the end of its line for what is beyond.
    pub(crate) fn column(&self, line: usize, at: usize) -> u32 {
        let bytes = self.bytes(line);
        let within = at.saturating_sub(self.starts.get(line).copied().unwrap_or_default()).min(bytes.len());
        let characters = String::from_utf8_lossy(&bytes[..within]).chars().count();
        u32::try_from(characters + 1).unwrap_or(u32::MAX)
    }

    /// A line for people.
    pub(crate) fn snippet(&self, line: usize) -> String {
        let text = String::from_utf8_lossy(self.bytes(line)).trim().to_owned();
        match text.char_indices().nth(LONGEST_SNIPPET) {
            Some((cut, _)) => format!("{}...", &text[..cut]),
            None => text,
        }
    }

    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }
}
