/* Safepoints: what compiled code does where ceval.c has CHECK_EVAL_BREAKER. */
#include "rt_internal.h"

int rt_check_eval(PyThreadState *ts, RtFrame *frame)
{
    if (*py311_eval_breaker(ts->interp) != 0 && py311_handle_eval_breaker(ts) < 0)
        return -1;
    if (rt_leave_code != NULL && rt_leave_code == py311_frame(frame)->f_code) {
        rt_leave_code = NULL;
        rt_left_code = true;
        return 1;
    }
    /* Looked at last: a signal handler or another thread may have switched it on. */
    return ts->cframe->use_tracing || rt_leave_compiled;
}
