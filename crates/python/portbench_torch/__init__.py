"""PyTorch engines for portbench: programs read from their JSON form, executed by PyTorch in its several ways."""
