// users-ctl after-restore: what an older state of the database must not bring back.
#include <iostream>

#include "accounts/restore.hpp"
#include "programs/ctl/service.hpp"

namespace users::ctl {

int after_restore(const Call& call) {
  const Config config = call.config();
  Service service(config);
  if (!confirmed(call, "Every session ends, every code and every waiting message is void.")) {
    return EXIT_FAILURE;
  }
  const AfterRestore ended = AfterRestore::run(service.database().connection(), operator_name());
  std::cout << "ended " << ended.sessions << " sessions, voided " << ended.codes << " codes and "
            << ended.messages << " messages" << std::endl;
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
