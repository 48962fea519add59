//! `NRT_STATUS`: what a call into libnrt answered, what that means, and what to do about it.
//!
//! Values and names: `nrt_status.h` of SDK 2.32. Codes that are not in it stay readable as [`NrtStatus::Unknown`].

use std::fmt;

/// An answer of libnrt other than success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NrtStatus {
    /// 1: a failure without a better name.
    Failure,
    /// 2: a bad NEFF, or a tensor whose name or size is not the model's.
    Invalid,
    /// 3: a handle that is none.
    InvalidHandle,
    /// 4: a resource could not be allocated.
    Resource,
    /// 5: the operation ran past its time limit.
    Timeout,
    /// 6: hardware failure.
    HardwareError,
    /// 7: the queue of executions is full.
    QueueFull,
    /// 9: fewer NeuronCores are free than the model needs.
    NotEnoughCores,
    /// 10: this libnrt does not read that version of NEFF.
    UnsupportedNeff,
    /// 11: host memory could not be allocated.
    HostMemory,
    /// 13: called before `nrt_init`.
    Uninitialized,
    /// 14: called after `nrt_close`.
    Closed,
    /// 15: the queue is empty.
    QueueEmpty,
    /// 101: an engine of the core stopped for good.
    Unrecoverable,
    /// 1002: an execution was given an invalid input.
    BadInput,
    /// 1003: the execution ended and produced NaN.
    NumericalError,
    /// 1004: the execution ended with a logical or physical error.
    CompletedWithError,
    /// 1005: the core is locked by another model or process.
    CoreBusy,
    /// 1006: an indirect copy left its tensor.
    OutOfBounds,
    /// 1100: a collective operation is still pending.
    CollectivePending,
    /// 1200: hardware failure in a collective operation.
    CollectiveHardwareError,
    /// 1201: uncorrectable error in the device's memory.
    MemoryError,
    /// 1202: uncorrectable error in a NeuronCore.
    CoreError,
    /// 1203: a DMA engine aborted.
    DmaAborted,
    /// 1204: a queue of notifications overflowed.
    NotificationOverflow,
    /// 1205: uncorrectable memory error that a repair at the next reset mends.
    RepairableMemoryError,
    /// 1206: the network proxy of collectives failed.
    NetworkProxy,
    /// A code that the header of SDK 2.32 does not have.
    Unknown(i32),
}

/// Code, variant, name in the header, meaning, way out.
type Row = (i32, NrtStatus, &'static str, &'static str, &'static str);

const RESET: &str = "stop every process that holds the device and reset it (echo 1 | sudo tee /sys/devices/virtual/neuron_device/neuron0/reset), or stop and start the instance";
const REPORT: &str =
    "run again with NEURON_RT_LOG_LEVEL=INFO and read what the runtime printed before this status";
const FREE_CORES: &str = "end the process that holds the cores (neuron-ls lists them with their pids), or choose others in NEURON_RT_VISIBLE_CORES";
const LESS_MEMORY: &str = "use a smaller batch, keep fewer models loaded, or spread over more cores";

#[rustfmt::skip]
const ROWS: [Row; 27] = [
    (1, NrtStatus::Failure, "NRT_FAILURE", "a failure without a better name", REPORT),
    (2, NrtStatus::Invalid, "NRT_INVALID", "the NEFF is bad, or a tensor's name or size is not the model's", "compile again for this target with the same compiler, and give each tensor the name and size that the model tells"),
    (3, NrtStatus::InvalidHandle, "NRT_INVALID_HANDLE", "a handle that libnrt does not know", "report this as a bug of portbench"),
    (4, NrtStatus::Resource, "NRT_RESOURCE", "a resource, most often device memory, could not be allocated", LESS_MEMORY),
    (5, NrtStatus::Timeout, "NRT_TIMEOUT", "the operation ran past its time limit", "raise NEURON_RT_EXEC_TIMEOUT (seconds); if it still ends so, the device hangs: see neuron-ls and dmesg"),
    (6, NrtStatus::HardwareError, "NRT_HW_ERROR", "hardware failure", RESET),
    (7, NrtStatus::QueueFull, "NRT_QUEUE_FULL", "the queue of executions is full", "keep fewer executions in flight"),
    (9, NrtStatus::NotEnoughCores, "NRT_LOAD_NOT_ENOUGH_NC", "fewer NeuronCores are free than the model needs", FREE_CORES),
    (10, NrtStatus::UnsupportedNeff, "NRT_UNSUPPORTED_NEFF_VERSION", "this libnrt does not read that version of NEFF", "bring aws-neuronx-runtime-lib to the SDK of the compiler, or compile with the compiler of the installed SDK"),
    (11, NrtStatus::HostMemory, "NRT_FAIL_HOST_MEM_ALLOC", "host memory could not be allocated", "free host memory, or use an instance with more"),
    (13, NrtStatus::Uninitialized, "NRT_UNINITIALIZED", "called before nrt_init", "report this as a bug of portbench"),
    (14, NrtStatus::Closed, "NRT_CLOSED", "called after nrt_close", "start another process: libnrt does not come back after nrt_close"),
    (15, NrtStatus::QueueEmpty, "NRT_QUEUE_EMPTY", "the queue is empty", REPORT),
    (101, NrtStatus::Unrecoverable, "NRT_EXEC_UNIT_UNRECOVERABLE", "an engine of the core stopped for good", RESET),
    (1002, NrtStatus::BadInput, "NRT_EXEC_BAD_INPUT", "the execution was given an invalid input", "give every input of the model, each with the size that the model tells"),
    (1003, NrtStatus::NumericalError, "NRT_EXEC_COMPLETED_WITH_NUM_ERR", "the execution ended and produced NaN", "check the inputs and weights for NaN and overflow; bf16 has a wider range than f16"),
    (1004, NrtStatus::CompletedWithError, "NRT_EXEC_COMPLETED_WITH_ERR", "the execution ended with an error of the program or of the device", REPORT),
    (1005, NrtStatus::CoreBusy, "NRT_EXEC_NC_BUSY", "the core is locked by another model or process", FREE_CORES),
    (1006, NrtStatus::OutOfBounds, "NRT_EXEC_OOB", "an indirect copy left its tensor", "check ids and positions against the sizes of the tensors they index"),
    (1100, NrtStatus::CollectivePending, "NRT_COLL_PENDING", "a collective operation is still pending", "wait until every rank has answered"),
    (1200, NrtStatus::CollectiveHardwareError, "NRT_EXEC_HW_ERR_COLLECTIVES", "hardware failure in a collective operation", RESET),
    (1201, NrtStatus::MemoryError, "NRT_EXEC_HW_ERR_HBM_UE", "uncorrectable error in the device's memory", "stop and start the instance, so that it comes up on other hardware"),
    (1202, NrtStatus::CoreError, "NRT_EXEC_HW_ERR_NC_UE", "uncorrectable error in a NeuronCore", "stop and start the instance, so that it comes up on other hardware"),
    (1203, NrtStatus::DmaAborted, "NRT_EXEC_HW_ERR_DMA_ABORT", "a DMA engine aborted", RESET),
    (1204, NrtStatus::NotificationOverflow, "NRT_EXEC_SW_NQ_OVERFLOW", "a queue of notifications overflowed", REPORT),
    (1205, NrtStatus::RepairableMemoryError, "NRT_EXEC_HW_ERR_REPAIRABLE_HBM_UE", "uncorrectable error in the device's memory, which a reset repairs", RESET),
    (1206, NrtStatus::NetworkProxy, "NRT_NETWORK_PROXY_FAILURE", "the network proxy of collectives failed", "check the EFA set-up of the instance (fi_info -p efa)"),
];

impl NrtStatus {
    /// Every status that has a name.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.1)
    }

    /// What a raw return value says: `None` for success.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        if code == 0 {
            return None;
        }
        Some(ROWS.iter().find(|row| row.0 == code).map_or(Self::Unknown(code), |row| row.1))
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.1 == self)
    }

    /// The raw value.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Unknown(code) => code,
            named => named.row().map_or(0, |row| row.0),
        }
    }

    /// Its name in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("an NRT_STATUS without a name", |row| row.2)
    }

    /// What it means, in one line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().map_or("a status that this version of portbench does not know", |row| row.3)
    }

    /// What to do about it.
    #[must_use]
    pub fn way_out(self) -> &'static str {
        self.row().map_or(REPORT, |row| row.4)
    }

    /// Whether the device or the runtime is unusable afterwards, so that nothing more should be asked of it in this process.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        matches!(
            self,
            Self::HardwareError
                | Self::Uninitialized
                | Self::Closed
                | Self::Unrecoverable
                | Self::CollectiveHardwareError
                | Self::MemoryError
                | Self::CoreError
                | Self::DmaAborted
                | Self::RepairableMemoryError
        )
    }

    /// Whether memory, of the device or of the host, was exhausted.
    #[must_use]
    pub fn is_out_of_memory(self) -> bool {
        matches!(self, Self::Resource | Self::HostMemory)
    }
}

impl fmt::Display for NrtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name(), self.code(), self.meaning())
    }
}
