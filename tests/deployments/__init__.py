"""What services and developers put around a program - servers, queues, debuggers, profilers, notebooks - on compiled code."""
