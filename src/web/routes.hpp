// The route table: which function handles which method and path; and dispatch().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "web/handlers.hpp"

namespace users::web {

struct Route {
  std::string_view method;
  std::string_view path;  ///< below kBasePath; a final `/*` matches one segment
  Result (*handler)(Context&, const Request&);
  /// Codes 10xx get HTTP 200 while `regist_status = tutorial`.
  bool tutorial_status = false;
  /// The reply has a status and headers, never a body.
  bool bare = false;
  /// With `optional=true`, codes 10xx get HTTP 200.
  bool takes_optional = false;
};

constexpr std::string_view kBasePath = "/users/";

std::span<const Route> routes();

/// The route for a method and a full path; null if there is none.
const Route* find_route(std::string_view method, std::string_view path);

/// A route's number in the worker table, from 1; 0 for none.
std::uint32_t number_of(const Route* route);
/// The name for a route number, such as `POST regist`; empty if there is none.
std::string name_of_request(std::uint32_t number);

/// The methods of a path, such as `GET, POST`; empty if no route has the path.
std::string allowed_methods(std::string_view path);

/// Never throws: each error becomes a reply, and its cause a line in the log.
Reply dispatch(Context& context, Request& request);

}  // namespace users::web
