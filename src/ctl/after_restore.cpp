// users-ctl after-restore: what an older state of the database must not bring back.
#include <iostream>

#include "ctl/service.hpp"

namespace users::ctl {

int after_restore(const Call& call) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  std::optional<std::uint64_t> next_id;
  if (const auto typed = call.option("next-id"))
    next_id = parse_number("--next-id", *typed, 1, kMost);
  const Config config = call.config();
  Service service(config);
  if (!confirmed(
          call,
          "Every session ends, every code and every waiting message is void, and the numbers "
          "of accounts go on further up.")) {
    return EXIT_FAILURE;
  }
  try {
    const Restored ended = service.accounts().after_restore(next_id);
    std::cout << "ended " << counted(ended.sessions, "session") << ", voided "
              << counted(ended.codes, "code") << " and " << counted(ended.messages, "message")
              << "; the next account gets number " << ended.next_id << std::endl;
  } catch (const std::invalid_argument& error) {
    throw Refused(std::string("--next-id: ") + error.what());
  }
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
