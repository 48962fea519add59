//! The text that is trained on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use portbench_backend::generate::Stream;

use crate::error::MeasureError;
use crate::spec::Corpus;

/// Part of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The first part.
    Training,
    /// The last part, held out.
    Validation,
}

/// A text as tokens: characters numbered in order of their code points.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    path: PathBuf,
    tokens: Vec<u32>,
    /// Where the held-out part begins.
    split: usize,
}

impl Text {
    pub(crate) fn open(corpus: &Corpus) -> Result<Self, MeasureError> {
        let text = std::fs::read_to_string(&corpus.path)
            .map_err(|source| MeasureError::CorpusFile { path: corpus.path.clone(), source })?;
        let fails = |message: String| MeasureError::Corpus { path: corpus.path.clone(), message };
        if !(0.0..1.0).contains(&corpus.validation) {
            return Err(fails(format!("the validation part is {}, not 0 to below 1", corpus.validation)));
        }
        let vocabulary: Vec<char> = text.chars().collect::<BTreeSet<_>>().into_iter().collect();
        let mut tokens = Vec::with_capacity(text.len());
        for c in text.chars() {
            // Every character of the text is in its own vocabulary.
            if let Ok(token) = vocabulary.binary_search(&c) {
                tokens.push(token as u32);
            }
        }
        let split = (tokens.len() as f64 * (1.0 - corpus.validation)).floor() as usize;
        Ok(Self { path: corpus.path.clone(), tokens, split })
    }

    /// `rows` windows of `length` tokens, each starting `shift` tokens after its place. Windows of one step and split lie at the same places whatever the shift.
    pub(crate) fn windows(
        &self,
        seed: u64,
        split: Split,
        step: u64,
        [rows, length]: [usize; 2],
        shift: usize,
    ) -> Result<Vec<i64>, MeasureError> {
        let (part, stream) = match split {
            Split::Training => (&self.tokens[..self.split], Stream::new(seed, "corpus")),
            Split::Validation => (&self.tokens[self.split..], Stream::new(seed, "corpus.validation")),
        };
        // The window itself and one token more for what is to be predicted.
        let places = part.len().saturating_sub(length);
        if places == 0 {
            let which = if split == Split::Training { "training" } else { "validation" };
            return Err(MeasureError::Corpus {
                path: self.path.clone(),
                message: format!(
                    "the {which} part has {} characters, a window takes {}",
                    part.len(),
                    length + 1
                ),
            });
        }
        let mut out = Vec::with_capacity(rows * length);
        for row in 0..rows as u64 {
            let start = stream.below(step * rows as u64 + row, places as u64) as usize + shift;
            out.extend(part[start..start + length].iter().map(|&t| i64::from(t)));
        }
        Ok(out)
    }
}
