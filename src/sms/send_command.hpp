// Runs the operator's send-sms program for one message.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sms/courier.hpp"

namespace users {

/// Runs sms.command (a program, not a shell line) with the message as one JSON object on standard
/// input: id, phone (E.164), purpose, code, language (zh or en), text. Its output goes to ours, or
/// in pieces to `relay` (base/subprocess.hpp). Exit code 0: sent. 75 (EX_TEMPFAIL), a signal, or
/// longer than sms.timeout (then its process group is killed): try again. Any other: failed.
Delivery run_send_command(const Config& config, std::uint64_t id, const Message& message,
                          const std::function<void(std::string_view, bool)>& relay = {});

}  // namespace users
