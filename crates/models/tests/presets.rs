//! Presets have the published numbers of parameters, and every one builds.

use portbench_graph::{DType, DecayRule, Optimizer, Schedule, TrainSpec};
use portbench_models::{Form, Model, Request, families, presets};

/// Numbers of parameters of the published checkpoints: of GPT-2 and Llama as `transformers` counts them with tied weights counted once,
/// of ViT and ResNet as torchvision lists them (25,557,032 for ResNet-50), of BERT with its pooler.
#[test]
fn published_numbers_of_parameters() {
    for (family, preset, count) in [
        ("gpt2", "124m", 124_439_808),
        ("gpt2", "355m", 354_823_168),
        ("gpt2", "774m", 774_030_080),
        ("gpt2", "1.5b", 1_557_611_200),
        ("llama", "qwen2.5-0.5b", 494_032_768),
        ("llama", "qwen3-0.6b", 596_049_920),
        ("llama", "3.2-1b", 1_235_814_400),
        ("llama", "3.1-8b", 8_030_261_248),
        ("llama", "3.1-70b", 70_553_706_496),
        ("llama", "mistral-7b", 7_248_023_552),
        ("mixtral", "8x7b", 46_702_792_704),
        ("bert", "minilm-l6", 22_713_216),
        ("bert", "base", 109_482_240),
        ("bert", "large", 335_141_888),
        ("vit", "b-16", 86_567_656),
    ] {
        let model = Model::preset(family, preset).unwrap();
        assert_eq!(model.parameter_count().unwrap(), count, "{family} {preset}");
    }
}

#[test]
fn resnet_50_counts_what_is_trained() {
    let model = Model::preset("resnet", "50").unwrap();
    let form = Form::Forward { sequence: 1, mask: false };
    let program =
        model.program(&Request { form, batch: 1, storage: DType::F32, compute: DType::F32 }).unwrap();
    let trained: usize = program.params.iter().filter(|p| p.trainable).map(|p| p.ty.shape.elements()).sum();
    assert_eq!(trained, 25_557_032);
}

fn spec() -> TrainSpec {
    TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: Optimizer::AdamW {
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            decay: DecayRule::Matrices,
        },
        schedule: Schedule::Constant { rate: 1e-3 },
        clip_norm: Some(1.0),
    }
}

#[test]
fn every_tiny_preset_builds_in_every_form_and_type() {
    for family in families() {
        let model = Model::preset(family, presets(family)[0]).unwrap();
        let mut forms = vec![Form::Forward { sequence: 8, mask: false }];
        if model.is_decoder() {
            forms.push(Form::Forward { sequence: 8, mask: true });
            forms.push(Form::Generate { prompt: 6, new_tokens: 4 });
        }
        if model.is_decoder() || matches!(family, "mlp" | "vit") {
            forms.push(Form::Training { sequence: 8, spec: spec() });
        }
        for form in forms {
            for (storage, compute) in [
                (DType::F64, DType::F64),
                (DType::F32, DType::F32),
                (DType::Bf16, DType::Bf16),
                (DType::F32, DType::F16),
            ] {
                let program =
                    model.program(&Request { form: form.clone(), batch: 2, storage, compute }).unwrap();
                program.verify().unwrap();
                for entry in &program.entries {
                    for (input, _) in entry.inputs() {
                        assert!(model.input_kind(input).is_some(), "{family}: input {input}");
                    }
                }
            }
        }
    }
}
