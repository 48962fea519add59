//! Values of inputs, from their sources.

use std::borrow::Cow;

use portbench_backend::generate::Stream;
use portbench_backend::{CheckpointFile, HostTensor, generate};
use portbench_graph::{DType, Graph, Type};

use crate::corpus::{Split, Text};
use crate::error::MeasureError;
use crate::spec::{InputSource, Inputs};

/// Name of the input that tokens are fed back to.
pub(crate) const TOKENS: &str = "input_ids";
/// Name of the scalar input that says where in the sequence the tokens stand.
pub(crate) const POSITION: &str = "position";

/// Makes the inputs of entries: the same values for every backend and for the oracle.
#[derive(Clone, Debug)]
pub struct Feeder {
    inputs: Inputs,
    text: Option<Text>,
}

/// Values for the inputs of one entry, by name.
#[derive(Clone, Debug)]
pub struct Batch(Vec<(String, HostTensor)>);

impl Batch {
    /// As [`portbench_backend::Executable::bind`] takes them.
    #[must_use]
    pub fn refs(&self) -> Vec<(&str, &HostTensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect()
    }
}

impl Feeder {
    /// Opens the sources. The corpus is read now, other files when asked for.
    ///
    /// # Errors
    /// [`MeasureError::CorpusFile`], [`MeasureError::Corpus`].
    pub fn open(inputs: &Inputs) -> Result<Self, MeasureError> {
        let text = inputs.corpus.as_ref().map(Text::open).transpose()?;
        Ok(Self { inputs: inputs.clone(), text })
    }

    /// What the arrivals of this trial are drawn from.
    #[must_use]
    pub fn arrivals(&self) -> Stream {
        Stream::new(self.inputs.seed, &format!("arrivals.{}", self.inputs.trial))
    }

    /// Every input of an entry at a step of a sequence of batches. A scalar `position` without a source is 0. In [`Split::Validation`] corpus windows come from
    /// the held-out part.
    ///
    /// # Errors
    /// [`MeasureError::Input`] for an input without a source or one whose source does not fit its type, [`MeasureError::InputFile`], [`MeasureError::Corpus`].
    pub fn batch(&self, graph: &Graph, step: u64, split: Split) -> Result<Batch, MeasureError> {
        self.batch_without(graph, step, split, &[])
    }

    /// As [`Feeder::batch`], but for inputs that are fed otherwise.
    pub(crate) fn batch_without(
        &self,
        graph: &Graph,
        step: u64,
        split: Split,
        without: &[&str],
    ) -> Result<Batch, MeasureError> {
        let inputs = graph.inputs().filter(|(name, _)| !without.contains(name));
        inputs
            .map(|(name, ty)| Ok((name.to_owned(), self.tensor(&graph.name, name, ty, step, split)?)))
            .collect::<Result<_, _>>()
            .map(Batch)
    }

    /// One input of an entry at a step.
    pub(crate) fn tensor(
        &self,
        entry: &str,
        input: &str,
        ty: &Type,
        step: u64,
        split: Split,
    ) -> Result<HostTensor, MeasureError> {
        let fails = |message: String| MeasureError::Input {
            entry: entry.to_owned(),
            input: input.to_owned(),
            message,
        };
        let Some(source) = self.inputs.sources.get(input) else {
            if input == POSITION && *ty == Type::scalar(DType::I64) {
                return Ok(HostTensor::scalar_i64(0));
            }
            let known: Vec<&str> = self.inputs.sources.keys().map(String::as_str).collect();
            return Err(fails(format!("has no source; there are sources for {}", known.join(", "))));
        };
        match source {
            InputSource::Generated { recipe } => {
                let name =
                    if step == 0 { Cow::Borrowed(input) } else { Cow::Owned(format!("{input}#{step}")) };
                generate::tensor(self.inputs.seed, &name, ty, *recipe).map_err(|e| fails(e.to_string()))
            }
            InputSource::CorpusTokens => self.windows(ty, step, split, 0, &fails),
            InputSource::CorpusNextTokens => self.windows(ty, step, split, 1, &fails),
            InputSource::File { path, tensor } => {
                let read = CheckpointFile::open(path).and_then(|mut file| file.read(tensor));
                let value = read.map_err(|source| MeasureError::InputFile {
                    entry: entry.to_owned(),
                    input: input.to_owned(),
                    source: Box::new(source),
                })?;
                if value.ty().shape != ty.shape {
                    return Err(fails(format!(
                        "`{tensor}` of {} is {}, the program declares {ty}",
                        path.display(),
                        value.ty()
                    )));
                }
                Ok(value.cast(ty.dtype))
            }
        }
    }

    fn windows(
        &self,
        ty: &Type,
        step: u64,
        split: Split,
        shift: usize,
        fails: &dyn Fn(String) -> MeasureError,
    ) -> Result<HostTensor, MeasureError> {
        let text =
            self.text.as_ref().ok_or_else(|| fails("is read from a corpus, and none is given".into()))?;
        let (DType::I64, &[rows, length]) = (ty.dtype, ty.dims()) else {
            return Err(fails(format!("a corpus gives i64[rows, length], the program declares {ty}")));
        };
        let tokens = text.windows(self.inputs.seed, split, step, [rows, length], shift)?;
        Ok(HostTensor::from_i64(&[rows, length], &tokens)?)
    }
}
