//! Products of one value by several weights, made one product.
//!
//! Where linear layers read the same value (query, key and value; gate and up), one product by their weights one below the other does the same arithmetic in fewer and
//! larger kernels: what launching costs a GPU, and starting threads a CPU, is paid once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use portbench_graph::{Graph, Init, Node, Op, ParamSpec, Program, Shape, Type, ValueId};

/// A parameter made of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Its index among the parameters of [`Joined::program`].
    pub param: usize,
    /// Indices of the parameters that it consists of, which lie in it one below the other along the first axis.
    pub parts: Vec<usize>,
}

/// A program whose products of one value are one.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The program. Its parameters are the original's, in their order, and then the joined ones; nothing reads what was joined.
    pub program: Program,
    /// What was joined.
    pub joins: Vec<Join>,
    /// Products that became one with others, and how many they became, over all entries.
    pub products: [usize; 2],
}

/// Joins the products of a lowered program that does not train: those of one value by `[N, K]` weights that nothing else reads, with a bias each or none.
/// A program that trains stays as it is: its optimiser updates the parts.
#[must_use]
pub fn join_products(program: &Program) -> Joined {
    let mut joined = Joined { program: program.clone(), joins: Vec::new(), products: [0, 0] };
    if program.training.is_some() {
        return joined;
    }
    let groups: Vec<Vec<Group>> = program.entries.iter().map(groups).collect();
    // A weight has one layout for all entries: they all have to join it the same way.
    let kept = |group: &Group| {
        let names = group.names();
        program.entries.iter().zip(&groups).all(|(graph, groups)| {
            let same = groups.iter().any(|other| other.names() == names);
            let reads = |name: &&str| graph.nodes.iter().any(|n| is_param(&n.op, name));
            same || !names.iter().any(reads)
        })
    };
    let groups: Vec<Vec<&Group>> = groups.iter().map(|g| g.iter().filter(|g| kept(g)).collect()).collect();
    for (entry, groups) in groups.into_iter().enumerate() {
        for group in &groups {
            joined.products[0] += group.linears.len();
            joined.products[1] += 1;
        }
        joined.program.entries[entry] = rewritten(&program.entries[entry], &groups, &mut joined);
    }
    joined
}

/// Linear layers that read one value.
struct Group {
    /// Their nodes, in order.
    linears: Vec<usize>,
    /// Names of their weights.
    weights: Vec<String>,
    /// Names of their biases: as many, or none.
    biases: Vec<String>,
}

impl Group {
    fn names(&self) -> Vec<&str> {
        self.weights.iter().chain(&self.biases).map(String::as_str).collect()
    }
}

fn is_param(op: &Op, wanted: &str) -> bool {
    matches!(op, Op::Param { name } if name == wanted)
}

/// The groups of two and more in an entry.
fn groups(graph: &Graph) -> Vec<Group> {
    let mut readers = vec![0; graph.nodes.len()];
    let read = graph.nodes.iter().flat_map(|n| &n.args);
    for value in read.chain(graph.outputs.iter().chain(&graph.updates).map(|(_, v)| v)) {
        readers[value.index()] += 1;
    }
    let param = |value: &ValueId| match &graph.node(*value).op {
        // Another node of the same name would be another reader.
        Op::Param { name }
            if readers[value.index()] == 1
                && graph.nodes.iter().filter(|n| is_param(&n.op, name)).count() == 1 =>
        {
            Some(name.clone())
        }
        _ => None,
    };
    let mut found: BTreeMap<(ValueId, bool), Group> = BTreeMap::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        let (Op::Linear { in_out: false }, [x, weight, bias @ ..]) = (&node.op, &node.args[..]) else {
            continue;
        };
        let (Some(weight), Some(bias)) = (param(weight), bias.iter().map(param).collect::<Option<Vec<_>>>())
        else {
            continue;
        };
        let group = found.entry((*x, bias.is_empty())).or_insert_with(|| Group {
            linears: Vec::new(),
            weights: Vec::new(),
            biases: Vec::new(),
        });
        group.linears.push(i);
        group.weights.push(weight);
        group.biases.extend(bias);
    }
    found.into_values().filter(|group| group.linears.len() > 1).collect()
}

/// The index of the parameter that these make together, made if it is new.
fn param_of(joined: &mut Joined, names: &[String]) -> usize {
    let params = &mut joined.program.params;
    let parts: Vec<usize> =
        names.iter().filter_map(|name| params.iter().position(|p| p.name == *name)).collect();
    if let Some(known) = joined.joins.iter().find(|join| join.parts == parts) {
        return known.param;
    }
    let mut dims = parts.first().map(|&p| params[p].ty.dims().to_vec()).unwrap_or_default();
    dims[0] = parts.iter().map(|&p| params[p].ty.dims()[0]).sum();
    let first = &params[parts[0]];
    let spec = ParamSpec {
        name: names.join("/"),
        ty: Type::new(first.ty.dtype, Shape::from(&dims[..])),
        // Its value is that of its parts.
        init: Init::Constant { value: 0.0 },
        trainable: false,
    };
    params.push(spec);
    let param = params.len() - 1;
    joined.joins.push(Join { param, parts });
    param
}

fn push(nodes: &mut Vec<Node>, node: Node) -> ValueId {
    nodes.push(node);
    ValueId(nodes.len() as u32 - 1)
}

/// The product of a group, like its first linear layer, with the parameters that it reads.
fn product(first: &Node, x: ValueId, group: &Group, nodes: &mut Vec<Node>, joined: &mut Joined) -> ValueId {
    let mut args = vec![x];
    let mut columns = 0;
    for names in [&group.weights, &group.biases] {
        if names.is_empty() {
            continue;
        }
        let param = param_of(joined, names);
        let spec = &joined.program.params[param];
        columns = spec.ty.dims()[0];
        let (op, ty) = (Op::Param { name: spec.name.clone() }, spec.ty.clone());
        args.push(push(nodes, Node { op, args: Default::default(), ty, ..first.clone() }));
    }
    let mut dims = first.ty.dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = columns;
    }
    let ty = Type::new(first.ty.dtype, Shape::from(&dims[..]));
    push(nodes, Node { args: args.into_iter().collect(), ty, ..first.clone() })
}

/// The entry with one product a group, and a slice of it where each of its products was.
fn rewritten(graph: &Graph, groups: &[&Group], joined: &mut Joined) -> Graph {
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    let mut moved: Vec<ValueId> = Vec::with_capacity(graph.nodes.len());
    // Of each group that was begun: its product, and how many of its columns were taken.
    let mut begun: BTreeMap<usize, (ValueId, usize)> = BTreeMap::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        let args = node.args.iter().map(|a| moved[a.index()]).collect();
        let Some((g, group)) = groups.iter().enumerate().find(|(_, group)| group.linears.contains(&i)) else {
            moved.push(push(&mut nodes, Node { args, ..node.clone() }));
            continue;
        };
        let width = node.ty.dims().last().copied().unwrap_or(0);
        let (product, taken) = match begun.entry(g) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let x = moved[node.args[0].index()];
                new.insert((product(node, x, group, &mut nodes, joined), 0))
            }
        };
        let op = Op::Slice { axis: node.ty.dims().len() - 1, start: *taken, len: width, step: 1 };
        *taken += width;
        let slice = Node { op, args: [*product].into_iter().collect(), ..node.clone() };
        moved.push(push(&mut nodes, slice));
    }
    let values = |named: &[(String, ValueId)]| {
        named.iter().map(|(name, value)| (name.clone(), moved[value.index()])).collect()
    };
    Graph { outputs: values(&graph.outputs), updates: values(&graph.updates), nodes, ..graph.clone() }
}
