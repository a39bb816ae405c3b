// The operator's command line.
#include "ctl/command.hpp"
#include "programs/run.hpp"

int main(int argc, char** argv) {
  return users::run_program("users-ctl", users::ctl::run, argc, argv);
}
