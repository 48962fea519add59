// libtorch's fused AdamW, which the bindings leave out: all parameters in one call, a handful of launches on a GPU.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_adamw.h>

#include <cstring>
#include <exception>
#include <vector>

extern "C" {

// Updates `count` parameters and their moments in place. `step` is a scalar on their device: the steps taken, this one included.
// Returns what went wrong, for `portbench_text_free`, or null.
char *portbench_fused_adamw(size_t count, at::Tensor *const *params, at::Tensor *const *grads,
                            at::Tensor *const *firsts, at::Tensor *const *seconds, const at::Tensor *step,
                            double rate, double beta1, double beta2, double weight_decay, double eps) {
    try {
        auto list = [count](at::Tensor *const *tensors) {
            std::vector<at::Tensor> all;
            all.reserve(count);
            for (size_t i = 0; i < count; ++i) all.push_back(*tensors[i]);
            return all;
        };
        auto p = list(params), g = list(grads), m = list(firsts), v = list(seconds);
        std::vector<at::Tensor> steps(count, *step);
        at::_fused_adamw_(p, g, m, v, {}, steps, rate, beta1, beta2, weight_decay, eps, /*amsgrad=*/false,
                          /*maximize=*/false);
        return nullptr;
    } catch (const std::exception &error) {
        return strdup(error.what());
    } catch (...) {
        return strdup("an exception without words");
    }
}

void portbench_text_free(char *text) { free(text); }
}
