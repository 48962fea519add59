//! Which series a platform is: the same one in every report, as far as colours reach.
//!
//! There are seven colours. Back ends of one kind of hardware have different ones, and so has one back end on different accelerators; what is not known here gets one from its name.

use portbench_chart::COLOURS;
use portbench_pricing::product_words;

use super::Platform;

/// Back ends by the kind of device that their hardware is, each at its colour.
const ON_GPU: [&str; 5] = ["tch", "candle", "torch-cudagraph", "torch-compile", "torch"];
const ON_NEURON: [&str; 4] = ["torch-xla", "neuron-trace", "neuron", "tch"];
const ON_CPU: [&str; 7] =
    ["neuron-trace", "reference", "torch-xla", "torch-compile", "torch", "candle", "tch"];

/// Accelerators by the word that names them, each turning the colours of its back ends on by one.
const ACCELERATORS: [[&str; 2]; COLOURS] = [
    ["h200", "trn2"],
    ["h100", "trn1"],
    ["b200", "trn3"],
    ["a100", "inf2"],
    ["b300", "trn1n"],
    ["l40s", "trn2u"],
    ["l4", "trn3u"],
];

/// The series of each platform. More platforms than colours repeat these with another marker.
pub(super) fn series(platforms: &[Platform]) -> Vec<usize> {
    let mut taken: Vec<usize> = Vec::new();
    for platform in platforms {
        let colour = colour(platform);
        let round = taken.len() / COLOURS;
        let mut looks = (0..COLOURS).map(|on| round * COLOURS + (colour + on) % COLOURS);
        taken.push(looks.find(|look| !taken.contains(look)).unwrap_or(taken.len()));
    }
    taken
}

/// The colour that a platform has where no other one has it.
fn colour(platform: &Platform) -> usize {
    let Platform { hardware, backend, .. } = platform;
    let (known, turned) = if hardware.starts_with("NVIDIA") {
        (&ON_GPU[..], turn(hardware))
    } else if hardware.starts_with("AWS") {
        (&ON_NEURON[..], turn(hardware))
    } else {
        (&ON_CPU[..], 0)
    };
    let place = known.iter().position(|name| name == backend).unwrap_or_else(|| of_name(backend));
    (place + turned) % COLOURS
}

fn turn(hardware: &str) -> usize {
    let named = product_words(hardware);
    let known = ACCELERATORS.iter().position(|row| row.iter().any(|word| named.iter().any(|n| n == word)));
    known.unwrap_or_else(|| of_name(hardware))
}

/// A colour from a name: FNV-1a, which is the same on every machine.
fn of_name(name: &str) -> usize {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % COLOURS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::{Platform, series};

    fn platform((backend, hardware): &(&str, &str)) -> Platform {
        Platform { hardware: (*hardware).to_owned(), backend: (*backend).to_owned(), versions: [].into() }
    }

    fn of(names: &[(&str, &str)]) -> Vec<usize> {
        series(&names.iter().map(platform).collect::<Vec<_>>())
    }

    /// What is measured together most has different colours, and those do not depend on what else is drawn.
    #[test]
    fn platforms_keep_their_colours_in_any_company() {
        let gpu = ["candle", "tch", "torch", "torch-compile", "torch-cudagraph"].map(|b| (b, "NVIDIA H200"));
        let cpu = ["candle", "tch"].map(|b| (b, "Intel Xeon, 16 CPUs"));
        let generations =
            ["NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3", "NVIDIA H200"].map(|g| ("tch", g));
        let chips = [("neuron-trace", "AWS trn1.32xlarge"), ("neuron-trace", "AWS trn2.48xlarge")];
        for set in [[&cpu[..], &gpu[..]].concat(), generations.to_vec(), chips.to_vec()] {
            let together = of(&set);
            let alone: Vec<usize> = set.iter().map(|one| of(&[*one])[0]).collect();
            assert_eq!(together, alone, "{set:?}");
            let mut distinct = together.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), set.len(), "{set:?}: {together:?}");
        }
    }

    #[test]
    fn nobody_shares_a_look_however_many_there_are() {
        let names: Vec<String> = (0..28).map(|i| format!("somebody-{i}")).collect();
        let set: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "something")).collect();
        let mut found = of(&set);
        assert_eq!(found, of(&set));
        found.sort_unstable();
        assert_eq!(found, (0..28).collect::<Vec<_>>(), "all colours of a marker before the next marker");
    }
}
