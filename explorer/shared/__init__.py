"""Parts shared by several screens: messages, problem sets, the run panel, the model picker."""
