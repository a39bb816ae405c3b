// The route table: which function answers which method and path; and from a request to its reply.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "web/handlers.hpp"

namespace users::web {

struct Route {
  std::string_view method;
  std::string_view path;  ///< under kBasePath; an ending `/*` stands for one more segment
  Result (*handler)(Context&, const Request&);
  /// Codes 10xx come with HTTP 200 while `regist_status = tutorial`.
  bool tutorial_status = false;
  /// The reply is a status and headers, never a body.
  bool bare = false;
  /// With `optional=true` codes 10xx come with HTTP 200.
  bool takes_optional = false;
};

constexpr std::string_view kBasePath = "/users/";

std::span<const Route> routes();

/// The route of a method and a whole path; null where there is none.
const Route* find_route(std::string_view method, std::string_view path);

/// The number of a route in the worker table, from 1; 0 for none.
std::uint32_t number_of(const Route* route);
/// `POST regist`, of such a number; empty if it is none.
std::string name_of_request(std::uint32_t number);

/// The methods a path answers, as `GET, POST`; empty where no route has the path.
std::string allowed_methods(std::string_view path);

/// Never throws: whatever goes wrong is a reply, and its cause a line in the log.
Reply dispatch(Context& context, Request& request);

}  // namespace users::web
