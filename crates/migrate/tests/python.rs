//! What of Python is compiled, what is guarded, and what comments allow.

mod common;

use common::found;

#[test]
fn rules_on_values_look_into_what_is_compiled_alone() {
    let text = "\
class Model:
    def forward(self, x):
        y = self.scale(x)
        def inner(z):
            return z.item()
        return helper(y) + other.helper(y)
    def scale(self, x):
        return x * x.max().item()
    def metrics(self, x):
        return x.item()

def helper(y):
    return y.tolist()

def unrelated(y):
    return y.item()

@torch.compile(fullgraph=True)
def step(x):
    return x.nonzero()

def handed(x):
    return x.nonzero()

def forward(x):
    return x.item()

def patched_forward(self, x):
    return x.item()

fast = torch.compile(handed)
";
    let all = found(text);
    let found: Vec<&str> = all.iter().map(String::as_str).filter(|f| f.contains("DYN")).collect();
    assert_eq!(
        found,
        [
            "PY-DYN-001@5:21",
            "PY-DYN-001@8:27",
            "PY-DYN-002@13:13",
            "PY-DYN-003@20:14",
            "PY-DYN-003@23:14",
            "PY-DYN-001@29:13"
        ]
    );
}

#[test]
fn code_for_cuda_alone_is_suppressed_where_other_code_serves_the_rest() {
    insta::assert_snapshot!(
        found(
            "\
if torch.cuda.is_available():
    a.cuda()
else:
    a.cpu()
if torch.cuda.is_available():
    b.cuda()
if device.type == 'cuda':
    c.cuda()
elif device.type == 'mps':
    d.cuda()
if not torch.cuda.is_available():
    e.cuda()
else:
    f.cuda()
g = 'cuda' if torch.cuda.is_available() else 'cpu'
if torch.cuda.is_available(): h.cuda()
else: i.cuda()
if (
    x.is_cuda
    and y
):
    if z:
        j.cuda()
else:
    pass
k.cuda()
"
        )
        .join("\n")
    );
}

#[test]
fn optional_packages_are_suppressed_where_they_are_guarded() {
    insta::assert_snapshot!(
        found(
            "\
if is_torch_xla_available():
    import torch_xla.core.xla_model as xm
try:
    import triton
except ImportError:
    triton = None
try:
    import flash_attn
except ValueError:
    pass
if is_flash_attn_2_available():
    from flash_attn import flash_attn_func
if is_something_else():
    from flash_attn import flash_attn_func
def f():
    if not is_torch_xla_available():
        import torch_xla
    xm.mark_step()
"
        )
        .join("\n")
    );
}

#[test]
fn comments_allow_with_a_reason() {
    let text = "\
a.cuda()  # portbench: allow PY-DEV-001 only on the old machines
# portbench: allow PY-DEV-001,PY-SYN-001 timing of the old machines

b.cuda(); torch.cuda.synchronize()
c.cuda()
d.cuda()  # portbench: allow PY-DEV-001
e = 1  # portbench: allow PY-DEV-001 nothing is here
f = '# portbench: allow PY-DEV-001 a string'; g.cuda()
h = 1  # portbench: allow NO-1 unknown
";
    let report = common::scanned(&[("file.py", text)], portbench_migrate::Options::default());
    let found: Vec<String> = report.findings.iter().map(common::words).collect();
    insta::assert_snapshot!(format!("{}\n\n{}", found.join("\n"), report.remarks.join("\n")));
    let whole = "# portbench: allow-file PY-DEV-001 an example of CUDA\na.cuda()\nb.cuda()\ntorch.cuda.synchronize()\n";
    let report = common::scanned(&[("file.py", whole)], portbench_migrate::Options::default());
    assert_eq!((report.scorecard.suppressed, report.scorecard.total.findings), (2, 1));
}

#[test]
fn blocks_are_found_in_odd_layouts() {
    let text = "\
class A(
    nn.Module,
):
    async def forward(self, x, y=lambda: 0,
                      z=\"\"\"
def not_this(): pass
\"\"\"):
        if (n := x): return x.item()
        return {
            'a': x.item(),
        }

\tdef tabs(self): pass
x.item()
";
    let all = found(text);
    let found: Vec<&str> = all.iter().map(String::as_str).filter(|f| f.contains("DYN-001")).collect();
    assert_eq!(found, ["PY-DYN-001@8:30", "PY-DYN-001@10:19"]);
}
