"""What several screens use: messages, problem sets, the run panel, the model picker."""
