//! Colours.

/// A colour, opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Rgb {
    /// `part` of this and the rest of `other`.
    fn over(self, other: Self, part: f64) -> Self {
        let mix = |a: u8, b: u8| (f64::from(a) * part + f64::from(b) * (1.0 - part)).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// As CSS writes it.
    pub(crate) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// On what ground a chart stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white.
    #[default]
    Light,
    /// Light on near black.
    Dark,
    /// For an SVG inside an HTML page: every colour follows the page's `color-scheme` (CSS `light-dark()`), and is [`Theme::Light`]'s where a viewer does not know that. A PNG is light.
    Page,
}

/// What a shape is coloured as; a [`Theme`] says which colour that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ink {
    /// The ground.
    Paper,
    /// Words and axes that matter.
    Text,
    /// Words that explain.
    Muted,
    /// Lines behind what matters.
    Grid,
    /// A series by its number.
    Series(usize),
    /// The same, as a pale area.
    Tint(usize),
    /// From -1 through 0 to 1: a scale with a middle.
    Diverging(f64),
    /// A kind of thing, told apart by colour and word alike.
    State(State),
    /// Words on [`Ink::Diverging`] or [`Ink::State`] that fill a cell.
    On(OnFill),
}

/// What words stand on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OnFill {
    Diverging(f64),
    State(State),
}

/// States that matrices and stacked bars show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Good,
    /// It works, in a roundabout way.
    Fair,
    /// It does not work.
    Bad,
    /// Wrong: worse than not working.
    Wrong,
    /// Nothing is known of it.
    Unknown,
}

/// Number of series colours; series beyond it repeat them with another marker.
pub const COLOURS: usize = 7;

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008), dark enough on white.
const ON_WHITE: [Rgb; COLOURS] = [
    Rgb(0, 114, 178),
    Rgb(213, 94, 0),
    Rgb(0, 158, 115),
    Rgb(204, 121, 167),
    Rgb(214, 150, 0),
    Rgb(70, 165, 220),
    Rgb(89, 89, 89),
];

/// The same hues, light enough on near black.
const ON_BLACK: [Rgb; COLOURS] = [
    Rgb(77, 150, 255),
    Rgb(255, 128, 56),
    Rgb(38, 194, 145),
    Rgb(229, 152, 196),
    Rgb(245, 190, 62),
    Rgb(134, 212, 255),
    Rgb(176, 176, 176),
];

struct Ground {
    paper: Rgb,
    text: Rgb,
    muted: Rgb,
    grid: Rgb,
    series: [Rgb; COLOURS],
    tint: f64,
    /// Ends of the diverging scale: -1 and 1.
    ends: [Rgb; 2],
    middle: Rgb,
}

const LIGHT: Ground = Ground {
    paper: Rgb(255, 255, 255),
    text: Rgb(27, 27, 27),
    muted: Rgb(92, 92, 92),
    grid: Rgb(225, 225, 225),
    series: ON_WHITE,
    tint: 0.38,
    ends: [Rgb(5, 92, 150), Rgb(184, 72, 0)],
    middle: Rgb(243, 243, 240),
};

const DARK: Ground = Ground {
    paper: Rgb(22, 22, 22),
    text: Rgb(236, 236, 236),
    muted: Rgb(168, 168, 168),
    grid: Rgb(54, 54, 54),
    series: ON_BLACK,
    tint: 0.45,
    ends: [Rgb(88, 166, 255), Rgb(255, 136, 66)],
    middle: Rgb(48, 48, 50),
};

impl Ground {
    fn colour(&self, ink: Ink) -> Rgb {
        match ink {
            Ink::Paper => self.paper,
            Ink::Text => self.text,
            Ink::Muted => self.muted,
            Ink::Grid => self.grid,
            Ink::Series(i) => self.series[i % COLOURS],
            Ink::Tint(i) => self.series[i % COLOURS].over(self.paper, self.tint),
            Ink::Diverging(at) => {
                let at = if at.is_nan() { 0.0 } else { at.clamp(-1.0, 1.0) };
                self.ends[usize::from(at > 0.0)].over(self.middle, at.abs())
            }
            Ink::State(state) => self.state(state),
            Ink::On(OnFill::Diverging(at)) => self.on(self.colour(Ink::Diverging(at))),
            Ink::On(OnFill::State(state)) => self.on(self.state(state)),
        }
    }

    fn state(&self, state: State) -> Rgb {
        match state {
            State::Good => self.series[2],
            State::Fair => self.series[5],
            State::Bad => self.series[4],
            State::Wrong => self.series[1],
            State::Unknown => self.grid,
        }
    }

    /// Black or white, whichever has more contrast on a colour (WCAG 2.2 relative luminance).
    fn on(&self, fill: Rgb) -> Rgb {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = 0.2126 * linear(fill.0) + 0.7152 * linear(fill.1) + 0.0722 * linear(fill.2);
        // Both contrasts are the same at a luminance of 0.179.
        if luminance > 0.179 { Rgb(0, 0, 0) } else { Rgb(255, 255, 255) }
    }
}

impl Theme {
    /// The word, as in file names and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Page => "page",
        }
    }

    /// The colour where only one can be.
    pub(crate) fn colour(self, ink: Ink) -> Rgb {
        match self {
            Self::Light | Self::Page => LIGHT.colour(ink),
            Self::Dark => DARK.colour(ink),
        }
    }

    /// Colour on a dark page, where the page decides.
    pub(crate) fn colour_when_dark(self, ink: Ink) -> Option<Rgb> {
        (self == Self::Page).then(|| DARK.colour(ink))
    }
}
