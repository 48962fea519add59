//! Arguments that would go unheard.

use portbench_catalog::Basis;

use crate::args::CostArgs;
use crate::failure::Failure;

/// Whether there is work to price, and not the hour alone.
pub(super) fn about_work(args: &CostArgs) -> bool {
    args.run.is_some() || args.throughput.is_some() || args.published
}

/// Whether two platforms are held against each other.
pub(super) fn exchanged(args: &CostArgs) -> bool {
    args.against.against.is_some() || args.against.against_owned.is_some()
}

/// Refuses what would go unheard.
pub(super) fn check(args: &CostArgs) -> Result<(), Failure> {
    let owned = &args.owned;
    if owned.sensitivity.is_some() && (about_work(args) || exchanged(args)) {
        return Err(Failure::usage(
            "--sensitivity is about the hour of owned hardware, not about work: leave out RUN, --throughput, --published and --against",
        ));
    }
    let with = &args.against;
    let refused = [
        (
            !exchanged(args),
            "is about a change: give --against INSTANCE or --against-owned SYSTEM",
            &[
                ("--against-run", with.against_run.is_some()),
                ("--against-throughput", with.against_throughput.is_some()),
                ("--migration", with.migration != 0.0),
            ][..],
        ),
        (
            !about_work(args),
            "is about work: give RUN, --throughput RATE or --published",
            &[
                ("--load", !args.load.is_empty()),
                ("--units", !args.units.is_empty()),
                ("--startup", args.startup.is_some()),
                ("--scale", args.scale),
                ("--beat", args.beat.is_some()),
            ],
        ),
        (
            args.instance.is_some() && with.against_owned.is_none(),
            "is about owned hardware: give --owned SYSTEM in place of --instance, or --against-owned SYSTEM",
            &[
                ("--years", owned.assumed.years.is_some()),
                ("--interest", owned.assumed.interest.is_some()),
                ("--yearly", owned.assumed.yearly),
                ("--power-load", owned.assumed.power_load.is_some()),
                ("--pue", owned.assumed.pue.is_some()),
                ("--electricity", owned.assumed.electricity.is_some()),
                ("--colocation", owned.assumed.colocation.is_some()),
                ("--operations", owned.assumed.operations.is_some()),
            ],
        ),
        (
            owned.owned.is_none(),
            "is about the system that is owned: give --owned SYSTEM in place of --instance",
            &[("--capital", owned.assumed.capital.is_some()), ("--power", owned.assumed.power.is_some())],
        ),
        (
            with.against_owned.is_none(),
            "is about the system that would be bought: give --against-owned SYSTEM",
            &[
                ("--against-capital", with.against_capital.is_some()),
                ("--against-power", with.against_power.is_some()),
            ],
        ),
        (
            with.against.is_none(),
            "is about the instance that would take over: give --against INSTANCE",
            &[
                ("--against-region", with.against_region.is_some()),
                ("--against-basis", with.against_basis != Basis::OnDemand),
            ],
        ),
        (
            owned.owned.is_some() && with.against.is_none(),
            "is about the price of an instance: owned hardware has the assumptions that are given",
            &[("--date", args.date.is_some())],
        ),
    ];
    for (unheard, why, flags) in refused {
        if let Some((flag, _)) = flags.iter().find(|(_, given)| unheard && *given) {
            return Err(Failure::usage(format!("{flag} {why}")));
        }
    }
    if let Some(seconds) = args.startup.filter(|s| !(s.is_finite() && *s >= 0.0)) {
        return Err(Failure::usage(format!("--startup is {seconds}; it must be a number of at least 0")));
    }
    if let Some(usd) = args.beat {
        portbench_catalog::positive("--beat", usd).map_err(crate::failure::usage)?;
    }
    Ok(())
}
