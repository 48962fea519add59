//! Families, and their presets: published dimensions, and tiny ones for tests.

use serde_json::{Map, Value, json};

use crate::error::ModelError;
use crate::family::kernel::Kernel;
use crate::model::Model;

/// Families with their presets, the smallest first. `mixtral` is `llama` with experts.
const PRESETS: [(&str, &[&str]); 7] = [
    ("gpt2", &["tiny", "nano-char", "124m", "355m", "774m", "1.5b"]),
    ("llama", &["tiny", "qwen2.5-0.5b", "qwen3-0.6b", "3.2-1b", "mistral-7b", "3.1-8b", "3.1-70b"]),
    ("mixtral", &["tiny", "8x7b"]),
    ("bert", &["tiny", "minilm-l6", "base", "large"]),
    ("vit", &["tiny", "b-16"]),
    ("resnet", &["tiny", "50"]),
    ("mlp", &["tiny", "mnist"]),
];

/// Names of the model families.
#[must_use]
pub fn families() -> Vec<&'static str> {
    PRESETS.iter().map(|(family, _)| *family).collect()
}

/// Names of a family's presets; none for an unknown family.
#[must_use]
pub fn presets(family: &str) -> &'static [&'static str] {
    PRESETS.iter().find(|(f, _)| *f == family).map_or(&[], |(_, presets)| presets)
}

impl Model {
    /// A family's preset.
    ///
    /// # Errors
    /// [`ModelError::UnknownFamily`], [`ModelError::UnknownPreset`].
    pub fn preset(family: &str, preset: &str) -> Result<Self, ModelError> {
        Self::from_dimensions(family, Some(preset), &Map::new())
    }

    /// A family with these dimensions, which replace the preset's if there is one.
    ///
    /// # Errors
    /// [`ModelError::UnknownFamily`], [`ModelError::UnknownPreset`], [`ModelError::Dimensions`] for what is missing or not the
    /// family's, [`ModelError::Invalid`].
    pub fn from_dimensions(
        family: &str,
        preset: Option<&str>,
        dimensions: &Map<String, Value>,
    ) -> Result<Self, ModelError> {
        if presets(family).is_empty() {
            return Err(ModelError::UnknownFamily { family: family.to_owned(), known: families() });
        }
        let mut all = match preset {
            None => Map::new(),
            Some(preset) => published(family, preset).ok_or_else(|| ModelError::UnknownPreset {
                family: family.to_owned(),
                preset: preset.to_owned(),
                known: presets(family).to_vec(),
            })?,
        };
        if family == "mixtral" && !all.contains_key("experts") && !dimensions.contains_key("experts") {
            return Err(dimension_error(family, "missing field `experts`"));
        }
        all.extend(dimensions.clone());
        let tag = if family == "mixtral" { "llama" } else { family };
        all.insert("family".into(), tag.into());
        let model: Self = serde_json::from_value(Value::Object(all))
            .map_err(|e| dimension_error(family, &e.to_string()))?;
        model.check()?;
        Ok(model)
    }

    /// A kernel with these dimensions.
    ///
    /// # Errors
    /// As [`Model::from_dimensions`].
    pub fn kernel(op: &str, dimensions: &Map<String, Value>) -> Result<Self, ModelError> {
        if !Kernel::NAMES.contains(&op) {
            return Err(ModelError::UnknownFamily { family: op.to_owned(), known: Kernel::NAMES.to_vec() });
        }
        let mut all = dimensions.clone();
        all.insert("op".into(), op.into());
        let kernel: Kernel =
            serde_json::from_value(Value::Object(all)).map_err(|e| dimension_error(op, &e.to_string()))?;
        let model = Self::Kernel(kernel);
        model.check()?;
        Ok(model)
    }
}

fn dimension_error(family: &str, message: &str) -> ModelError {
    ModelError::Dimensions { family: family.to_owned(), message: message.to_owned() }
}

fn gpt2(width: usize, layers: usize, heads: usize) -> Value {
    json!({"vocabulary": 50_257, "positions": 1024, "width": width, "layers": layers, "heads": heads})
}

fn bert(width: usize, layers: usize, heads: usize) -> Value {
    json!({"vocabulary": 30_522, "positions": 512, "width": width, "inner": 4 * width, "layers": layers, "heads": heads})
}

/// Dimensions as published: the models' own `config.json`, and for Mixtral arXiv:2401.04088.
fn published(family: &str, preset: &str) -> Option<Map<String, Value>> {
    let llama3 =
        json!({"factor": 8.0, "low-freq-factor": 1.0, "high-freq-factor": 4.0, "original-positions": 8192});
    let dimensions = match (family, preset) {
        ("gpt2", "tiny") => {
            json!({"vocabulary": 96, "positions": 64, "width": 32, "layers": 2, "heads": 4})
        }
        // nanoGPT's recipe for one CPU: github.com/karpathy/nanoGPT, config/train_shakespeare_char.py and its README.
        ("gpt2", "nano-char") => {
            json!({"vocabulary": 65, "positions": 64, "width": 128, "layers": 4, "heads": 4, "bias": false, "activation": "gelu"})
        }
        ("gpt2", "124m") => gpt2(768, 12, 12),
        ("gpt2", "355m") => gpt2(1024, 24, 16),
        ("gpt2", "774m") => gpt2(1280, 36, 20),
        ("gpt2", "1.5b") => gpt2(1600, 48, 25),
        ("llama", "tiny") => json!({
            "vocabulary": 96, "positions": 64, "width": 32, "inner": 64, "layers": 2, "heads": 4, "kv-heads": 2, "rope-theta": 500_000.0
        }),
        ("llama", "qwen2.5-0.5b") => json!({
            "vocabulary": 151_936, "positions": 32_768, "width": 896, "inner": 4864, "layers": 24, "heads": 14, "kv-heads": 2,
            "rope-theta": 1_000_000.0, "eps": 1e-6, "tied": true, "qkv-bias": true
        }),
        ("llama", "qwen3-0.6b") => json!({
            "vocabulary": 151_936, "positions": 40_960, "width": 1024, "inner": 3072, "layers": 28, "heads": 16, "kv-heads": 8,
            "head-dim": 128, "rope-theta": 1_000_000.0, "eps": 1e-6, "tied": true, "qk-norm": true
        }),
        ("llama", "3.2-1b") => json!({
            "vocabulary": 128_256, "positions": 131_072, "width": 2048, "inner": 8192, "layers": 16, "heads": 32, "kv-heads": 8,
            "rope-theta": 500_000.0, "tied": true,
            "rope-scaling": {"factor": 32.0, "low-freq-factor": 1.0, "high-freq-factor": 4.0, "original-positions": 8192}
        }),
        ("llama", "mistral-7b") => json!({
            "vocabulary": 32_768, "positions": 32_768, "width": 4096, "inner": 14_336, "layers": 32, "heads": 32, "kv-heads": 8,
            "rope-theta": 1_000_000.0
        }),
        ("llama", "3.1-8b") => json!({
            "vocabulary": 128_256, "positions": 131_072, "width": 4096, "inner": 14_336, "layers": 32, "heads": 32, "kv-heads": 8,
            "rope-theta": 500_000.0, "rope-scaling": llama3
        }),
        ("llama", "3.1-70b") => json!({
            "vocabulary": 128_256, "positions": 131_072, "width": 8192, "inner": 28_672, "layers": 80, "heads": 64, "kv-heads": 8,
            "rope-theta": 500_000.0, "rope-scaling": llama3
        }),
        ("mixtral", "tiny") => json!({
            "vocabulary": 96, "positions": 64, "width": 32, "inner": 64, "layers": 2, "heads": 4, "kv-heads": 2,
            "rope-theta": 1_000_000.0, "experts": {"count": 4, "active": 2}
        }),
        ("mixtral", "8x7b") => json!({
            "vocabulary": 32_000, "positions": 32_768, "width": 4096, "inner": 14_336, "layers": 32, "heads": 32, "kv-heads": 8,
            "rope-theta": 1_000_000.0, "experts": {"count": 8, "active": 2}
        }),
        ("bert", "tiny") => {
            json!({"vocabulary": 96, "positions": 64, "width": 32, "inner": 64, "layers": 2, "heads": 4})
        }
        ("bert", "minilm-l6") => bert(384, 6, 12),
        ("bert", "base") => bert(768, 12, 12),
        ("bert", "large") => bert(1024, 24, 16),
        ("vit", "tiny") => json!({
            "image": 32, "patch": 8, "width": 32, "inner": 64, "layers": 2, "heads": 4, "classes": 10
        }),
        ("vit", "b-16") => json!({
            "image": 224, "patch": 16, "width": 768, "inner": 3072, "layers": 12, "heads": 12, "classes": 1000
        }),
        ("resnet", "tiny") => {
            json!({"image": 64, "stem": 16, "widths": [32, 64], "depths": [1, 2], "classes": 10})
        }
        ("resnet", "50") => json!({
            "stem": 64, "widths": [256, 512, 1024, 2048], "depths": [3, 4, 6, 3], "classes": 1000
        }),
        ("mlp", "tiny") => json!({"features": 16, "hidden": [32], "classes": 4}),
        ("mlp", "mnist") => json!({"features": 784, "hidden": [1024, 1024], "classes": 10}),
        _ => return None,
    };
    match dimensions {
        Value::Object(dimensions) => Some(dimensions),
        _ => None,
    }
}
