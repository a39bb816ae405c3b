// The minimal FastCGI worker on libfcgi: reads the body, says hello. An upper bound for requests
// per second.
#include <fcgiapp.h>

int main() {
  FCGX_Init();
  FCGX_Request request;
  FCGX_InitRequest(&request, 0, 0);
  char body[16 * 1024];
  while (FCGX_Accept_r(&request) == 0) {
    FCGX_GetStr(body, sizeof body, request.in);
    FCGX_PutS(
        "Status: 200\r\nContent-Type: application/json; "
        "charset=utf-8\r\n\r\n{\"data\":{\"code\":0,\"msg\":\"ok\"}}",
        request.out);
    FCGX_Finish_r(&request);
  }
}
