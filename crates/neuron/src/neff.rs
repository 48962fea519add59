//! The head of a NEFF file, read without libnrt.
//!
//! A NEFF is a head of 1024 bytes before a tar archive; the layout is that of `neff_header_t` in AWS's page on NEFF files (SDK 2.32), little
//! endian. It has no magic number, so a file is refused where its sizes contradict each other or it. The head names the size of a logical core
//! (LNC) but not the instance family: that a NEFF is for another family comes from libnrt ([`crate::NrtStatus::UnsupportedNeff`]) or from the
//! compile cache, which keeps the target beside each file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::NeuronError;

/// Bytes of the head.
pub const HEADER_BYTES: usize = 1024;
/// Tool versions up to this are taken for one; the field of another kind of file rarely has so small a number.
const MOST_PACKAGE_VERSION: u64 = 255;

/// What the head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeffHeader {
    /// Version of the tool that packed it, which decides which hash it carries.
    pub package_version: u64,
    /// Bytes of the archive after the head.
    pub data_bytes: u64,
    /// Version of the format: major, minor.
    pub version: [u64; 2],
    /// The compiler's build, as it names itself.
    pub build: String,
    /// Physical cores it needs.
    pub cores: u32,
    /// Hash of the package: MD5 or SHA-256, as the tool's version decides.
    pub hash: [u8; 32],
    /// Its own id, made by the compiler.
    pub uuid: [u8; 16],
    /// Its name.
    pub name: String,
    /// Features that a runtime must know to read it, a bit each.
    pub features: u64,
    /// Physical cores to a logical one; `None` where the compiler wrote nothing, as before there were logical cores.
    pub lnc: Option<u32>,
}

impl NeffHeader {
    /// Reads the head of this file and holds it against the file's length.
    ///
    /// # Errors
    /// [`NeuronError::File`] if it cannot be read, [`NeuronError::Neff`] for what is no NEFF or is cut.
    pub fn read(path: &Path) -> Result<Self, NeuronError> {
        let error = |source| NeuronError::File { action: "read", path: path.to_owned(), source };
        let file = File::open(path).map_err(error)?;
        let length = file.metadata().map_err(error)?.len();
        let mut head = Vec::with_capacity(HEADER_BYTES);
        file.take(HEADER_BYTES as u64).read_to_end(&mut head).map_err(error)?;
        Self::parse(&path.display().to_string(), &head, length)
    }

    /// Reads the head of a whole NEFF in memory.
    ///
    /// # Errors
    /// [`NeuronError::Neff`] as above. `place` is for the message.
    pub fn of_bytes(place: &str, neff: &[u8]) -> Result<Self, NeuronError> {
        Self::parse(place, neff, neff.len() as u64)
    }

    fn parse(place: &str, head: &[u8], length: u64) -> Result<Self, NeuronError> {
        let refuse = |what: String| NeuronError::Neff { place: place.to_owned(), what };
        let Some(head) = head.first_chunk::<HEADER_BYTES>() else {
            return Err(refuse(format!(
                "it ends after {length} bytes, inside its head of {HEADER_BYTES}; compile it again"
            )));
        };
        let mut fields = Fields { head, at: 0 };
        let package_version = fields.u64();
        let (header_bytes, data_bytes) = (fields.u64(), fields.u64());
        let no_neff = |why: String| {
            refuse(format!("it is none: {why}; give the file that neuronx-cc wrote as --output"))
        };
        if header_bytes != HEADER_BYTES as u64 {
            return Err(no_neff(format!(
                "its head would have {header_bytes} bytes, a NEFF's has {HEADER_BYTES}"
            )));
        }
        if package_version == 0 || package_version > MOST_PACKAGE_VERSION {
            return Err(no_neff(format!("package version {package_version}")));
        }
        let expected = data_bytes.saturating_add(HEADER_BYTES as u64);
        if length < expected {
            return Err(refuse(format!(
                "it is cut: {length} bytes of {expected}; compile it again, or copy it again"
            )));
        }
        if length > expected {
            return Err(refuse(format!("{} bytes follow its end; copy it again", length - expected)));
        }
        Ok(Self {
            package_version,
            data_bytes,
            version: [fields.u64(), fields.u64()],
            build: fields.text(128),
            cores: fields.u32(),
            hash: fields.bytes(),
            uuid: fields.bytes(),
            name: fields.text(256),
            features: {
                // How many cores were asked for, and how many each node needs: `cores` has the sum.
                fields.at += 4 + 64;
                fields.u64()
            },
            lnc: Some(fields.u32()).filter(|lnc| *lnc > 0),
        })
    }

    /// Refuses a NEFF that was compiled for another size of logical core than the process runs with.
    ///
    /// # Errors
    /// [`NeuronError::Neff`] with both sizes and both ways out.
    pub fn check_lnc(&self, place: &str, lnc: u32) -> Result<(), NeuronError> {
        match self.lnc {
            Some(own) if own != lnc => Err(NeuronError::Neff {
                place: place.to_owned(),
                what: format!(
                    "it was compiled with --lnc {own} and this process runs with {lnc}; set NEURON_LOGICAL_NC_CONFIG={own}, or compile with --lnc {lnc}"
                ),
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for NeffHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor] = self.version;
        write!(f, "NEFF {major}.{minor} `{}` of {} bytes", self.name, self.data_bytes)?;
        match self.lnc {
            Some(lnc) => write!(f, ", LNC {lnc}"),
            None => f.write_str(", no LNC named"),
        }
    }
}

/// Reads the fields one after the other. Their sum is less than the head, so no read goes past it.
struct Fields<'a> {
    head: &'a [u8; HEADER_BYTES],
    at: usize,
}

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let bytes = std::array::from_fn(|i| self.head[self.at + i]);
        self.at += N;
        bytes
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    fn text(&mut self, length: usize) -> String {
        let field = &self.head[self.at..self.at + length];
        self.at += length;
        let end = field.iter().position(|b| *b == 0).unwrap_or(length);
        String::from_utf8_lossy(&field[..end]).into_owned()
    }
}
