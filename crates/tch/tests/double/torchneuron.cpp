// A DOUBLE of libtorchneuron.so for tests: it registers the class and the op by which a module that torch_neuronx traced calls its NEFF. Written
// after a third party's description of them; the real library's were never seen. A "NEFF" here is text: `twice-plus-one` computes that on the CPU,
// and says in a second result which core the environment shows. PORTBENCH_DOUBLE_CORES=held makes loading fail as it does on a core of another
// process; PORTBENCH_DOUBLE_NRT fails an execution with that status.
#include <torch/custom_class.h>
#include <torch/library.h>

#include <ATen/ATen.h>

#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

namespace {

struct Model : torch::CustomClassHolder {
    std::string neff, metaneff;

    Model(std::string neff, std::string metaneff) : neff(std::move(neff)), metaneff(std::move(metaneff)) {
        const char *cores = std::getenv("PORTBENCH_DOUBLE_CORES");
        TORCH_CHECK(!cores || std::string(cores) != "held",
                    "The PyTorch Neuron Runtime could not be initialized: NeuronCore(s) not available - Requested:1 Available:0");
    }
};

std::vector<at::Tensor> forward_v2(std::vector<at::Tensor> inputs, const c10::intrusive_ptr<Model> &model) {
    TORCH_CHECK(model->neff == "twice-plus-one", "a double executes no NEFF");
    for (const auto &input : inputs) TORCH_CHECK(input.device().is_cpu(), "inputs lie in host memory");
    if (const char *status = std::getenv("PORTBENCH_DOUBLE_NRT")) TORCH_CHECK(false, "nrt_execute status=", status);
    const char *core = std::getenv("NEURON_RT_VISIBLE_CORES");
    return {inputs.at(0) * 2 + 1, at::full({1}, core ? std::atoi(core) : -1, at::kFloat)};
}

} // namespace

TORCH_LIBRARY(neuron, m) {
    m.class_<Model>("Model")
        .def(torch::init<std::string, std::string>())
        .def_pickle([](const c10::intrusive_ptr<Model> &self) { return std::make_tuple(self->neff, self->metaneff); },
                    [](std::tuple<std::string, std::string> state) {
                        return c10::make_intrusive<Model>(std::get<0>(state), std::get<1>(state));
                    });
    m.def("forward_v2(Tensor[] inputs, __torch__.torch.classes.neuron.Model model) -> Tensor[]", forward_v2);
}
