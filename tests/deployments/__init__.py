"""What is put around programs - servers, queues, debuggers, profilers, notebooks - on compiled code."""
