// Sends one message by a provider's program, and checks how the program ended.
#pragma once

#include "sms/program.hpp"
#include "sms/provider.hpp"

namespace users::test {

constexpr int kFailed = 1;
constexpr int kTryAgain = 75;
constexpr int kBadConfig = 78;

bool contains(std::string_view text, std::string_view part);

/// Nothing of what must stay hidden, in any form it has on its way.
void check_hidden(std::string_view shown);

/// The exit code, and one line with `said` in it, or none if that is empty.
void check_end(const Ended& ended, int status, std::string_view said);

/// Runs the provider's program against a server that answers so.
Ended send(const Provider& provider, const FakeServer::Handler& handler,
           const std::string& secret = kSecret, const Text& text = {});
Ended send(const Provider& provider, const Answer& answer);

}  // namespace users::test
