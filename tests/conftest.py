import torch

# Small matrices gain nothing by threads, and tests may run beside other work.
torch.set_num_threads(1)
