// Full of what our own warnings would report, and none of it an error for a project that did not ask.
int sloppy(long wide) {
  int unused;
  int narrow = wide;
  { int narrow = 2; (void)narrow; }
  return narrow;
}
