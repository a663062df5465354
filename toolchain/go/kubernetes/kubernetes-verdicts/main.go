// Command kubernetes-verdicts says what the servers of the pinned Kubernetes think of objects.
//
// It reads one JSON object a line and answers each with one line, in order. {"kind": "objects",
// "objects": [MANIFEST]} asks whether the API server would create each of the objects, and the kubelet
// could read their images. The answer has `valid` and `error` (empty if valid).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/batch/cronjob"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/limitrange"
	"k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/resourcequota"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/rbac/role"
	"k8s.io/kubernetes/pkg/registry/rbac/rolebinding"
	"k8s.io/kubernetes/pkg/registry/storage/storageclass"
	podsecurity "k8s.io/pod-security-admission/api"
)

var strategies = map[string]rest.RESTCreateStrategy{
	"ConfigMap":           configmap.Strategy,
	"CronJob":             cronjob.Strategy,
	"Deployment":          deployment.Strategy,
	"LimitRange":          limitrange.Strategy,
	"Namespace":           namespace.Strategy,
	"NetworkPolicy":       networkpolicy.Strategy,
	"PodDisruptionBudget": poddisruptionbudget.Strategy,
	"ResourceQuota":       resourcequota.Strategy,
	"Role":                role.Strategy,
	"RoleBinding":         rolebinding.Strategy,
	"Secret":              secret.Strategy,
	"Service":             service.Strategy,
	"ServiceAccount":      serviceaccount.Strategy,
	"StatefulSet":         statefulset.Strategy,
	"StorageClass":        storageclass.Strategy,
}

type objectsQuestion struct {
	kind
	Objects []json.RawMessage `json:"objects"`
}

func main() {
	scheme := legacyscheme.Scheme
	strict := serializer.NewSerializerWithOptions(
		serializer.DefaultMetaFactory, scheme, scheme, serializer.SerializerOptions{Strict: true})
	// It sets defaults, and converts to the version without a name, as the server does.
	decoder := legacyscheme.Codecs.DecoderToVersion(strict, runtime.InternalGroupVersioner)
	serve(map[string]handler{"objects": answers(func(question objectsQuestion) (answer, error) {
		found := []error{}
		for _, manifest := range question.Objects {
			found = append(found, create(decoder, manifest))
		}
		return nil, errors.Join(found...)
	})})
}

func create(decoder runtime.Decoder, manifest []byte) error {
	object, kind, err := decoder.Decode(manifest, nil, nil)
	if err != nil {
		return err
	}
	strategy, known := strategies[kind.Kind]
	if !known {
		return fmt.Errorf("no strategy for %v", kind)
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	rest.FillObjectMetaSystemFields(accessor)
	if typed, ok := object.(*core.Service); ok && typed.Spec.ClusterIP != "" {
		// The server's store does this before the strategy is asked.
		typed.Spec.ClusterIPs = []string{typed.Spec.ClusterIP}
	}
	ctx := request.WithNamespace(context.Background(), accessor.GetNamespace())
	if err := rest.BeforeCreate(strategy, ctx, object); err != nil {
		return err
	}
	return errors.Join(more(object)...)
}

// more is what other parts of the server and of the node refuse.
func more(object runtime.Object) (found []error) {
	var pod core.PodSpec
	switch typed := object.(type) {
	case *core.Namespace:
		_, wrong := podsecurity.PolicyToEvaluate(typed.Labels, podsecurity.Policy{})
		if err := wrong.ToAggregate(); err != nil {
			found = append(found, err)
		}
	case *apps.Deployment:
		pod = typed.Spec.Template.Spec
	case *apps.StatefulSet:
		pod = typed.Spec.Template.Spec
	case *batch.CronJob:
		pod = typed.Spec.JobTemplate.Spec.Template.Spec
	}
	for _, container := range pod.Containers {
		if _, err := reference.ParseNormalizedNamed(container.Image); err != nil {
			found = append(found, fmt.Errorf("image %q: %w", container.Image, err))
		}
	}
	return found
}
