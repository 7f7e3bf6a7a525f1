"What is only there for speed: each can be switched off, and is held equal to the plain way by a test."
