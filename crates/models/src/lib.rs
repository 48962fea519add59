//! Model families and kernels as graphs.
