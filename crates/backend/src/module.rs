//! Programs that are a module whose inside the graph does not know.

use portbench_graph::{Graph, Op, Program};

/// The entry of a program that is one module, executed whole and alone: on all inputs, in their order, beside no other op.
///
/// # Errors
/// What else it is, in words.
pub fn whole_module(program: &Program) -> Result<&Graph, String> {
    let [graph] = &program.entries[..] else {
        return Err(format!("a module has one entry, this program has {}", program.entries.len()));
    };
    let is_module = |op: &Op| matches!(op, Op::Module { .. });
    let alone = graph.nodes.iter().all(|n| matches!(n.op, Op::Input { .. }) || is_module(&n.op));
    let inputs: Vec<usize> = (0..graph.nodes.len()).filter(|&i| graph.nodes[i].op.is_source()).collect();
    let whole =
        graph.nodes.iter().filter(|n| is_module(&n.op)).all(|n| {
            n.args.len() == inputs.len() && n.args.iter().zip(&inputs).all(|(a, i)| a.0 as usize == *i)
        });
    if !alone || !whole {
        return Err("a module is executed whole and alone: on all inputs, beside no other op".into());
    }
    Ok(graph)
}
